-- Deletes a tenant with all that is stored of its jobs. Changes not broadcast yet stay in the outbox and still are: its rows
-- need nothing else. A submit that is under way at this very moment may leave a job that nobody will choose (jobctl fsck
-- finds it): put the tenant into maintenance first.
-- in: tenant    out: how many jobs were deleted
-- Errors: JB001 tenant unknown, JB008 it has jobs that are not final
create or replace function @schema@.tenant_remove(of_tenant text) returns bigint
language plpgsql volatile
set search_path = @schema@, pg_temp
as $$
declare
    unfinished record;
    ret bigint;
begin
    perform set_config('synchronous_commit', 'on', true);
    perform from t_tenant t where t.tenant = of_tenant for update;
    if not found then
        raise exception using errcode = 'JB001', message = format('tenant %s is unknown here', quote_nullable(left(of_tenant, 80)));
    end if;
    for i in 1 .. 2 loop
        select j.id, j.status into unfinished from t_job_info j
        where j.tenant = of_tenant and (i = 2 or j.status not in ('SUCCEEDED', 'FAILED', 'ABORTED')) limit 1;
        if found then
            raise exception using errcode = 'JB008', message = format(
                'tenant "%s" has jobs that have not ended, such as %s (%s): stop them or let them end first',
                of_tenant, unfinished.id, unfinished.status);
        end if;
        exit when i = 2;
        with j as (
            -- one that is queued again meanwhile is left, and found by the second look
            delete from t_job_info j where j.tenant = of_tenant and j.status in ('SUCCEEDED', 'FAILED', 'ABORTED')
            returning j.id
        ), p as (
            delete from t_job_parameters p using j where p.job_id = j.id
        ), a as (
            delete from t_job_attempt a using j where a.job_id = j.id
        ), l as (
            delete from t_job_log l using j where l.job_id = j.id
        )
        select count(*) into ret from j;
    end loop;
    delete from t_job_failure f where f.tenant = of_tenant;
    -- deltas first: one that is being folded is waited for, and then seen among the counts
    delete from t_job_count_delta d where d.tenant = of_tenant;
    delete from t_job_count c where c.tenant = of_tenant;
    delete from t_job_crash c where c.tenant = of_tenant;
    delete from t_job_quarantine q where q.tenant = of_tenant;
    delete from t_tenant t where t.tenant = of_tenant;
    return ret;
end
$$;
