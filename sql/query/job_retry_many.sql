-- Queues the next FAILED and ABORTED jobs that a filter means again.
-- in: tenant, filter (JSON object), how many at most, id to go on after (null: from the start)
-- out: one row (queued, last): last null when the end was reached
select m.queued, m.last from @schema@.job_retry_many($1::text, $2::jsonb, $3::int, $4::uuid) m;
