-- Classes that other live instances have.
-- in: own id    out: rows (class_name)
select distinct n.class_name
from @schema@.t_job_instance i cross join lateral unnest(i.class_names) n(class_name)
where i.id <> $1::uuid and not i.lost;
