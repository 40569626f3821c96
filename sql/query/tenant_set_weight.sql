-- Changes a tenant's share.
-- in: tenant, weight    out: at most one row (tenant): none when there is no such tenant
update @schema@.t_tenant t set weight = $2::int where t.tenant = $1::text
returning t.tenant;
