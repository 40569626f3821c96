-- Rows whose events are all confirmed. A lost delete is a duplicate at the subscribers, no more.
-- in: $1 ids
delete from @schema@.t_job_outbox o where o.id = any($1::bigint[]);
