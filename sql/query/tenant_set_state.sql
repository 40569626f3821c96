-- Pauses a tenant (nothing of it is chosen), puts it into maintenance (nothing new is taken) or makes it active again. Sleepers
-- are told: what waited in a pause is due now.
-- in: tenant, state    out: at most one row (tenant): none when there is no such tenant
with u as (
    update @schema@.t_tenant t set state = $2::text where t.tenant = $1::text
    returning t.tenant
)
select u.tenant, case when $2::text <> 'PAUSED' and exists (select from @schema@.t_job_wake w where w.sleepers <> '{}')
    then pg_notify(btrim('@schema@', '"'), '') end as told
from u;
