-- Queues of subscribers.
-- in: tenant (null: all)    out: a row each, in order of name; created_date in microseconds since 1970
select s.name, s.tenant, s.keys, s.kind, s.ttl_ms, s.most, (extract(epoch from s.created_date) * 1000000)::bigint as created_date
from @schema@.t_job_subscription s
where $1::text is null or s.tenant = $1::text
order by s.name;
