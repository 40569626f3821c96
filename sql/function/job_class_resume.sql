-- Ends a pause. One for all tenants and one for a single tenant are ended each by itself.
-- in:  class_name; tenant: the pause of this one, null: the one for all
-- out: whether there was such a pause
-- Errors: JB001 tenant unknown or not the caller's, JB009 the tenant is being moved
create or replace function @schema@.job_class_resume(class_name text, tenant text default null) returns boolean
language plpgsql volatile security definer
set search_path = @schema@, pg_temp
as $$
declare
    ret boolean;
begin
    perform job_check_caller(array[tenant]);
    if tenant is null then
        update t_job_class k set paused = false where k.class_name = job_class_resume.class_name and k.paused;
    else
        perform tenant_hold(tenant);
        delete from t_job_class_pause p where p.class_name = job_class_resume.class_name and p.tenant = job_class_resume.tenant;
    end if;
    ret := found;
    if ret and exists (select from t_job_wake where sleepers <> '{}') then
        perform pg_notify(current_schema(), '');
    end if;
    return ret;
end
$$;
