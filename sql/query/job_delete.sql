-- Deletes a job that has ended.
-- in: tenant, id    out: one row (status): what it was
select @schema@.job_delete($1::text, $2::uuid) as status;
