-- Queues a FAILED or ABORTED job again; see job_retry_ids.
-- in: tenant, id    out: the status after the call
-- Errors: JB001 not the caller's tenant, JB004 maintenance, JB006 the job is not FAILED or ABORTED, JB007 job unknown
create or replace function @schema@.job_retry(tenant text, id uuid) returns @schema@.job_status
language plpgsql volatile security definer
set search_path = @schema@, pg_temp
as $$
declare
    was job_status;
begin
    perform job_check_caller(array[tenant]);
    perform set_config('synchronous_commit', 'on', true);
    select t.status into was from t_job_info t where t.id = job_retry.id and t.tenant = job_retry.tenant for no key update;
    if not found then
        raise exception using errcode = 'JB007', message = format('tenant "%s" has no job %s', tenant, id);
    end if;
    perform from t_tenant t where t.tenant = job_retry.tenant and t.state = 'MAINTENANCE';
    if found then
        raise exception using errcode = 'JB004', message = format('tenant "%s" is in maintenance: nothing is taken', tenant);
    end if;
    if was not in ('FAILED', 'ABORTED') then
        raise exception using errcode = 'JB006',
            message = format('job %s is %s: only a FAILED or ABORTED job can be tried again', id, was);
    end if;
    perform job_retry_ids(array[id]);
    return 'QUEUED';
end
$$;
