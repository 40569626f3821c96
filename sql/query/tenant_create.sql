-- Makes a tenant.
-- in: tenant, weight    out: at most one row (tenant): none when there is one of that name
insert into @schema@.t_tenant (tenant, weight) values ($1::text, $2::int)
on conflict (tenant) do nothing
returning tenant;
