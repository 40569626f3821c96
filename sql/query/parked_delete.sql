-- Rows of one tenant whose events are all confirmed. A lost delete is a duplicate at the subscribers, no more.
-- in: $1 ids, $2 tenant
delete from @schema@.t_job_outbox_parked o where o.tenant = $2::text and o.id = any($1::bigint[]);
