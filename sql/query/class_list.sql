-- Job classes: those that were ever registered and those that a live instance offers.
-- out: a row per class in order; max_running null: no limit; instances: how many live ones offer it
select class_name, coalesce(c.lane, '') as lane, c.max_running, coalesce(c.paused, false) as paused,
    coalesce(l.instances, 0) as instances
from @schema@.t_job_class c
full join (
    select n.class_name, count(*) as instances
    from @schema@.t_job_instance i cross join lateral unnest(i.class_names) n(class_name)
    where not i.lost
    group by n.class_name) l using (class_name)
order by class_name;
