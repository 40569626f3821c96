-- Deletes a tenant whose jobs are gone.
-- in: tenant, mark of tenant_close
select @schema@.tenant_delete($1::text, $2::text);
