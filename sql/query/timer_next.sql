-- When is the next timer due?
-- out: at most one row (microseconds from now, not below 0)
select greatest(0, extract(epoch from t.due - clock_timestamp()) * 1000000)::bigint as wait
from @schema@.t_job_timer t order by t.due, t.id limit 1;
