-- At the source, last of all: a tenant that has LEFT, or (back) one that is LEAVING and shall stay, with the state it had.
-- in: tenant, id of the move, back    Errors: JB009 not this move
create or replace function @schema@.tenant_move_forget(of_tenant text, of_id uuid, back boolean) returns void
language plpgsql volatile
set search_path = @schema@, pg_temp
set lock_timeout = '5s'
as $$
begin
    perform set_config('synchronous_commit', 'on', true);
    if back then
        update t_tenant t set state = t.settings -> 'move' ->> 'before', settings = t.settings - 'move'
        where t.tenant = of_tenant and t.settings -> 'move' ->> 'id' = of_id::text and t.settings -> 'move' ->> 'phase' = 'LEAVING';
    else
        delete from t_tenant t
        where t.tenant = of_tenant and t.settings -> 'move' ->> 'id' = of_id::text and t.settings -> 'move' ->> 'phase' = 'LEFT';
    end if;
    if not found then
        raise exception using errcode = 'JB009', message = format('tenant "%s" is not in this move any more', of_tenant);
    end if;
    if back and exists (select from t_job_wake where sleepers <> '{}') then
        perform pg_notify(current_schema(), '');
    end if;
end
$$;
