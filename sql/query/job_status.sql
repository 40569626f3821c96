-- Where is this job? For those who wait for its end.
-- in: tenant, id    out: at most one row (status)
select j.status from @schema@.t_job_info j where j.tenant = $1::text and j.id = $2::uuid;
