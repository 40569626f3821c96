-- Sets the limits of a class: how many of its jobs may be chosen and running at a time, over all instances. In effect within a
-- second, also for jobs that are queued already; what runs goes on.
-- in:  class_name (need not be known yet); max_running: of all tenants together, max_running_per_tenant: of each (null: no limit)
-- Errors: JB002 class name, 22023 a limit below 0
create or replace function @schema@.job_class_set(class_name text, max_running int default null,
    max_running_per_tenant int default null) returns void
language plpgsql volatile security definer
set search_path = @schema@, pg_temp
as $$
begin
    if least(max_running, max_running_per_tenant) < 0 then
        raise exception using errcode = '22023', message = 'a limit must not be below 0';
    end if;
    perform job_class_lane(class_name);
    update t_job_class k
    set max_running = job_class_set.max_running, max_running_per_tenant = job_class_set.max_running_per_tenant
    where k.class_name = job_class_set.class_name
        and (k.max_running, k.max_running_per_tenant)
            is distinct from (job_class_set.max_running, job_class_set.max_running_per_tenant);
end
$$;
