-- Why a job does not run.
-- in: tenant, id    out: one row (why): JSON, see the function job_why
select @schema@.job_why($1::text, $2::uuid)::text as why;
