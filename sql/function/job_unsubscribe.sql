-- Forgets a queue that job_subscribe recorded.
-- in: tenant, name    out: was it there?    Errors: JB001 not the caller's tenant, JB009 it is being moved
create or replace function @schema@.job_unsubscribe(tenant text, name text) returns boolean
language plpgsql volatile security definer
set search_path = @schema@, pg_temp
as $$
begin
    perform job_check_caller(array[tenant]);
    perform set_config('synchronous_commit', 'on', true);
    perform tenant_hold(tenant);
    delete from t_job_subscription s where s.name = job_unsubscribe.name and s.tenant = job_unsubscribe.tenant;
    return found;
end
$$;
