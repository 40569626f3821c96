-- Is there such a tenant?
-- in: tenant    out: at most one row (tenant)
select t.tenant from @schema@.t_tenant t where t.tenant = $1::text;
