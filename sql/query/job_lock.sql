-- Keeps a job from retention, or lets it go again.
-- in: tenant, id, locked    out: one row (status)
select @schema@.job_lock($1::text, $2::uuid, $3::boolean) as status;
