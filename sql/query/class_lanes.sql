-- The classes that have a lane, and their limits.
-- in: class names    out: rows (lane, own: one of these classes, max_running, max_running_per_tenant: null: no limit)
select k.lane, k.class_name = any($1::text[]) as own, k.max_running, k.max_running_per_tenant
from @schema@.t_job_class k
where k.lane <> '';
