-- Deletes a job that has ended, with all that belongs to it.
-- in: tenant, id    out: the status that it had
-- Errors: JB006 it has not ended, or is locked, JB007 job unknown, JB009 the tenant is arriving in a move
create or replace function @schema@.job_delete(tenant text, id uuid) returns @schema@.job_status
language plpgsql volatile
set search_path = @schema@, pg_temp
as $$
declare
    j record;
begin
    perform set_config('synchronous_commit', 'on', true);
    select t.* into j from t_job_info t where t.id = job_delete.id and t.tenant = job_delete.tenant for update;
    if not found then
        raise exception using errcode = 'JB007', message = format('tenant "%s" has no job %s', tenant, id);
    end if;
    perform tenant_arrived(tenant);
    if j.status not in ('SUCCEEDED', 'FAILED', 'ABORTED') or j.locked then
        raise exception using errcode = 'JB006', message = format('job %s is %s: only one that has ended and is not locked '
            'can be deleted', id, case when j.locked then 'locked' else j.status::text end);
    end if;
    delete from t_job_info t where t.id = j.id;
    delete from t_job_parameters p where p.job_id = j.id;
    delete from t_job_attempt a where a.job_id = j.id;
    delete from t_job_log l where l.job_id = j.id;
    delete from t_job_failure f where f.tenant = j.tenant and f.id = j.id;
    insert into t_job_count_delta (tenant, class_name, status, n) values (j.tenant, j.class_name, j.status, -1);
    return j.status;
end
$$;
