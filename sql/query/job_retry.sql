-- Queues a FAILED or ABORTED job again.
-- in: tenant, id    out: one row (status): the status after the call
select @schema@.job_retry($1::text, $2::uuid) as status;
