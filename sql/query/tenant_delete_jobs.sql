-- Deletes jobs of a tenant that have ended.
-- in: tenant, how many at most    out: one row (deleted)
select @schema@.tenant_delete_jobs($1::text, $2::int) as deleted;
