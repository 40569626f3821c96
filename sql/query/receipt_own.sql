-- After a reconnect: what the database says about the jobs of the own receipts.
-- in: $1 instance    out: a row per receipt and job that is the instance's: what ready_claim returns but parameters, and tick and
--      lane of the receipt, stop_requested
select c.tick, c.lane as receipt_lane, j.id, j.lane, j.tenant, j.class_name, j.status, j.priority, j.ready_seq, j.attempt,
    j.attempt_base, j.max_attempts, j.version, j.suspect, (extract(epoch from j.timeout) * 1000)::bigint as timeout,
    (extract(epoch from j.backoff) * 1000)::bigint as backoff, j.traceparent, j.stop_requested
from @schema@.t_job_claim c cross join lateral unnest(c.ids) i(id)
join @schema@.t_job_info j on j.id = any(array[i.id])
where c.instance = $1::uuid and j.instance = $1::uuid and j.status in ('TO_BE_RUN', 'RUNNING');
