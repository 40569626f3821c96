-- Job classes: those that were ever registered and those that a live instance offers.
-- out: a row per class in order; max_running, max_running_per_tenant null: no limit; paused_for: tenants it is paused for, besides
--      `paused` for all ('': none); instances: how many live ones offer it
select x.class_name, coalesce(c.lane, '') as lane, c.max_running, c.max_running_per_tenant, coalesce(c.paused, false) as paused,
    coalesce((select string_agg(p.tenant, ',' order by p.tenant)
        from @schema@.t_job_class_pause p where p.class_name = x.class_name), '') as paused_for,
    coalesce(l.instances, 0) as instances
from @schema@.t_job_class c
full join (
    select n.class_name, count(*) as instances
    from @schema@.t_job_instance i cross join lateral unnest(i.class_names) n(class_name)
    where not i.lost
    group by n.class_name) l using (class_name)
cross join lateral (select coalesce(c.class_name, l.class_name) as class_name) x
order by x.class_name;
