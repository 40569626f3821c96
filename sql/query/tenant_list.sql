-- Tenants in the order of their names.
-- in:  $1 this one alone, null = all
-- out: rows; max_running and max_queued null: no limit; created_date in microseconds since 1970
select t.tenant, t.weight, t.max_running, t.max_queued, t.state, t.role,
    (extract(epoch from t.created_date) * 1000000)::bigint as created_date
from @schema@.t_tenant t
where $1::text is null or t.tenant = $1::text
order by t.tenant;
