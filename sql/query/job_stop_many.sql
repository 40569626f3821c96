-- Asks the next jobs that a filter means to stop.
-- in: tenant, filter (JSON object), how many at most, id to go on after (null: from the start)
-- out: one row (aborted, asked, last): last null when the end was reached
select m.aborted, m.asked, m.last from @schema@.job_stop_many($1::text, $2::jsonb, $3::int, $4::uuid) m;
