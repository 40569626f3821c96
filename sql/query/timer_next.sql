-- When is the next timer due? Those of a tenant that is arriving in a move are not due at any time.
-- in: $1 date to look after: '-infinity', or a little before those that were promoted already (floors.h says why)
-- out: at most one row (microseconds from now, not below 0)
select greatest(0, extract(epoch from t.due - clock_timestamp()) * 1000000)::bigint as wait
from @schema@.t_job_timer t where t.due > $1::timestamptz and t.due < 'infinity' order by t.due, t.id limit 1;
