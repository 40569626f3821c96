-- Asks a job to stop.
-- in: tenant, id    out: one row (status): the status after the call
select @schema@.job_stop($1::text, $2::uuid) as status;
