-- Every attempt of a job that began, the first one first.
-- in: tenant, id    out: a row per attempt; dates in microseconds since 1970
select a.attempt, a.instance, (extract(epoch from a.start_date) * 1000000)::bigint as start_date,
    (extract(epoch from a.stop_date) * 1000000)::bigint as stop_date, a.outcome, a.error_kind, a.error
from @schema@.v_job_attempt a
where a.tenant = $1::text and a.job_id = $2::uuid
order by a.attempt;
