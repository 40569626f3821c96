-- Deletes jobs of a tenant that have ended.
-- in: tenant, how many at most, mark of tenant_close    out: one row (deleted)
select @schema@.tenant_delete_jobs($1::text, $2::int) as deleted from (select @schema@.tenant_removing($1::text, $3::text)) closed;
