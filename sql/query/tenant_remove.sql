-- Deletes a tenant with its jobs.
-- in: tenant    out: one row (jobs): how many were deleted
select @schema@.tenant_remove($1::text) as jobs;
