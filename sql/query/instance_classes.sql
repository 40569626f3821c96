-- Which of these classes does another live instance have, and which are known at all (for suggestions)?
-- in: own id, class names asked for
-- out: rows (class_name, elsewhere)
select n.class_name, bool_or(n.class_name = any($2::text[])) as elsewhere
from @schema@.t_job_instance i cross join lateral unnest(i.class_names) n(class_name)
where i.id <> $1::uuid and not i.lost
group by n.class_name;
