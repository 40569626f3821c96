-- The classes that have a lane, and their limits.
-- in:  class names
-- out: rows (lane, own: one of these classes, or one that no live instance has: its jobs FAIL when they are chosen; max_running,
--      max_running_per_tenant: null: no limit)
select k.lane, k.class_name = any($1::text[]) or k.class_name not in (
        select n.class_name from @schema@.t_job_instance i cross join lateral unnest(i.class_names) n(class_name)
        where not i.lost and n.class_name is not null) as own,
    k.max_running, k.max_running_per_tenant
from @schema@.t_job_class k
where k.lane <> '';
