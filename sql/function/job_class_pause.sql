-- Pauses a class: within a second none of its jobs is chosen any more; they stay QUEUED in their order, and what runs goes on.
-- in:  class_name (need not be known yet); tenant: for this one alone, null: for all
-- Errors: JB001 tenant unknown or not the caller's, JB002 class name, JB009 the tenant is being moved
create or replace function @schema@.job_class_pause(class_name text, tenant text default null) returns void
language plpgsql volatile security definer
set search_path = @schema@, pg_temp
as $$
begin
    perform job_check_caller(array[tenant]);
    if tenant is not null then
        perform tenant_hold(tenant);
    end if;
    perform job_class_lane(class_name);
    if tenant is null then
        update t_job_class k set paused = true where k.class_name = job_class_pause.class_name and not k.paused;
        return;
    end if;
    insert into t_job_class_pause values (job_class_pause.class_name, job_class_pause.tenant) on conflict do nothing;
end
$$;
