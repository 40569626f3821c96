-- Makes a role of PostgreSQL the one of a tenant, or with null takes it away.
-- in: tenant, role    out: one row (role)
select @schema@.tenant_role($1::text, $2::text) as role;
