-- At the source, last in the transaction that gave the jobs out and after the target has committed: the tenant has LEFT. What decides
-- a move is the commit of this: before it the jobs are here, after it they are there.
-- in: tenant, id of the move    Errors: JB009 not this move
create or replace function @schema@.tenant_move_leave(of_tenant text, of_id uuid) returns void
language plpgsql volatile
set search_path = @schema@, pg_temp
as $$
begin
    perform set_config('synchronous_commit', 'on', true);
    while tenant_discard_events(of_tenant, 1000) > 0 loop
        null;
    end loop;
    delete from t_job_claim x where x.tenant = of_tenant;
    delete from t_job_share x where x.tenant = of_tenant;
    -- deltas first: one that is being folded is waited for, and then seen among the counts
    delete from t_job_count_delta x where x.tenant = of_tenant;
    delete from t_job_count x where x.tenant = of_tenant;
    update t_tenant t set settings = jsonb_set(t.settings, '{move,phase}', '"LEFT"')
    where t.tenant = of_tenant and t.settings -> 'move' ->> 'id' = of_id::text and t.settings -> 'move' ->> 'phase' = 'LEAVING';
    if not found then
        raise exception using errcode = 'JB009', message = format('tenant "%s" is not in this move any more', of_tenant);
    end if;
end
$$;
