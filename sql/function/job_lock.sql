-- Keeps a job from retention, or lets it go again.
-- in: tenant, id, locked    out: the status of the job
-- Errors: JB001 not the caller's tenant, JB007 job unknown, JB009 the tenant is arriving in a move
create or replace function @schema@.job_lock(tenant text, id uuid, locked boolean default true) returns @schema@.job_status
language plpgsql volatile security definer
set search_path = @schema@, pg_temp
as $$
declare
    ret job_status;
begin
    perform job_check_caller(array[tenant]);
    perform set_config('synchronous_commit', 'on', true);
    update t_job_info t set locked = coalesce(job_lock.locked, true)
    where t.id = job_lock.id and t.tenant = job_lock.tenant
    returning t.status into ret;
    if not found then
        raise exception using errcode = 'JB007', message = format('tenant "%s" has no job %s', tenant, id);
    end if;
    perform tenant_arrived(tenant);
    return ret;
end
$$;
