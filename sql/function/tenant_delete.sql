-- The last step of a removal: deletes the tenant and what is left of it in every table that has a column "tenant". Its jobs must be
-- gone. Changes not broadcast yet stay in the outbox and still are: its rows need nothing else.
-- in:  tenant, mark: of tenant_close
-- Errors: JB001 tenant unknown, JB008 it has jobs, or somebody has opened it again meanwhile, 55P03 somebody holds its row
create or replace function @schema@.tenant_delete(of_tenant text, mark text) returns void
language plpgsql volatile
set search_path = @schema@, pg_temp
set lock_timeout = '1s'
as $$
declare
    t record;
    x record;
begin
    perform set_config('synchronous_commit', 'on', true);
    select s.* into t from t_tenant s where s.tenant = of_tenant for update;
    if not found then
        raise exception using errcode = 'JB001', message = format('tenant %s is unknown here', quote_nullable(left(of_tenant, 80)));
    elsif t.state <> 'MAINTENANCE' or t.settings ->> 'removing' is distinct from mark then
        raise exception using errcode = 'JB008',
            message = format('tenant "%s" has been opened again by somebody else: it is not removed', of_tenant);
    end if;
    perform from t_job_info j where j.tenant = of_tenant limit 1;
    if found then
        raise exception using errcode = 'JB008', message = format('tenant "%s" still has jobs', of_tenant);
    end if;
    for x in
        select c.oid::regclass as name from pg_catalog.pg_class c
        join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant' and not a.attisdropped
        where c.relnamespace = to_regnamespace(current_schema()) and c.relkind in ('r', 'p')
            and c.relname not in ('t_tenant', 't_job_info')
        -- deltas before counts: one that is being folded is waited for, and then seen among the counts
        order by c.relname desc
    loop
        execute format('delete from %s where tenant = $1', x.name) using of_tenant;
    end loop;
    delete from t_tenant s where s.tenant = of_tenant;
end
$$;
