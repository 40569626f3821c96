-- At the target, once the tenant has left the source: its timers run, it gets the state it had, sleeping daemons are told.
-- in: tenant, id of the move, state    Errors: JB009 not this move
create or replace function @schema@.tenant_move_activate(of_tenant text, of_id uuid, of_state text) returns void
language plpgsql volatile
set search_path = @schema@, pg_temp
set lock_timeout = '5s'
as $$
begin
    perform set_config('synchronous_commit', 'on', true);
    update t_tenant t set state = of_state, settings = t.settings - 'move'
    where t.tenant = of_tenant and t.settings -> 'move' ->> 'id' = of_id::text and t.settings -> 'move' ->> 'phase' = 'ARRIVING';
    if not found then
        raise exception using errcode = 'JB009', message = format('tenant "%s" is not in this move any more', of_tenant);
    end if;
    update t_job_timer t set due = j.trigger_after_date from t_job_info j
    where t.tenant = of_tenant and t.due = 'infinity' and j.id = t.id;
    if exists (select from t_job_wake where sleepers <> '{}') then
        perform pg_notify(current_schema(), '');
    end if;
end
$$;
