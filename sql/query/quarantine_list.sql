-- Quarantines in force, the one that ends first before the others.
-- in: tenant (null: all)    out: a row per quarantine; until in microseconds since 1970
select q.tenant, q.class_name, (extract(epoch from q.until) * 1000000)::bigint as until, q.crashes, q.reason
from @schema@.t_job_quarantine q
where q.until > clock_timestamp() and ($1::text is null or q.tenant = $1::text)
order by q.until, q.tenant, q.class_name;
