-- Shares of tenants that had work in the last minute, who is behind most first: see v_tenant_share.
-- in:  tenant (null: all)
-- out: a row each; owed_us, got_us, lag_us in slot-microseconds; updated in microseconds since 1970
select s.tenant, s.weight, s.owed_us, s.got_us, s.lag_us, s.running, s.backlogged, s.instances,
    (extract(epoch from s.updated) * 1000000)::bigint as updated
from @schema@.v_tenant_share s
where $1::text is null or s.tenant = $1::text
order by s.lag_us desc, s.tenant;
