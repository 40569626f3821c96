-- At the target: a copy that arrived and whose move was broken off before the tenant left the source. Not to be called but under the
-- lock of its row at the source.
-- in: tenant, id of the move    Errors: JB009 not this move
create or replace function @schema@.tenant_move_discard(of_tenant text, of_id uuid) returns void
language plpgsql volatile
set search_path = @schema@, pg_temp
as $$
declare
    x record;
begin
    perform from t_tenant t where t.tenant = of_tenant and t.settings -> 'move' ->> 'id' = of_id::text
        and t.settings -> 'move' ->> 'phase' = 'ARRIVING' for update;
    if not found then
        raise exception using errcode = 'JB009', message = format('tenant "%s" is not in this move any more', of_tenant);
    end if;
    while tenant_discard_events(of_tenant, 1000) > 0 loop
        null;
    end loop;
    delete from t_job_parameters p using t_job_info j where j.tenant = of_tenant and p.job_id = j.id;
    delete from t_job_log l using t_job_info j where j.tenant = of_tenant and l.job_id = j.id;
    for x in
        select c.oid::regclass as name from pg_catalog.pg_class c
        join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant' and not a.attisdropped
        where c.relnamespace = to_regnamespace(current_schema()) and c.relkind in ('r', 'p')
        order by c.relname desc -- t_tenant first; deltas before counts, as in tenant_delete
    loop
        execute format('delete from %s where tenant = $1', x.name) using of_tenant;
    end loop;
end
$$;
