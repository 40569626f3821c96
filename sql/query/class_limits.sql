-- Sets the limits that an instance is configured to have. Classes whose limits stay as they are are not touched.
-- in:  class names, max_running, max_running_per_tenant (arrays of one length; null: not configured, 0: no limit)
-- out: rows (class_name): those whose limits were set
select x.class_name, @schema@.job_class_set(x.class_name, x.max_running, x.max_per_tenant)
from (select n.class_name, c.max_running as was, c.max_running_per_tenant as was_per_tenant,
        case when n.max_running is null then c.max_running else nullif(n.max_running, 0) end as max_running,
        case when n.max_per_tenant is null then c.max_running_per_tenant else nullif(n.max_per_tenant, 0) end as max_per_tenant
    from unnest($1::text[], $2::int[], $3::int[]) n(class_name, max_running, max_per_tenant)
    join @schema@.t_job_class c on c.class_name = n.class_name) x
where (x.max_running, x.max_per_tenant) is distinct from (x.was, x.was_per_tenant)
order by x.class_name;
