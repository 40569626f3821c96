-- Lets a PENDING job go.
-- in: tenant, id    out: one row (status): the status after the call
select @schema@.job_release($1::text, $2::uuid) as status;
