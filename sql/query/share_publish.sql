-- Replaces what this instance publishes of its books, and drops what is left of instances that are gone.
-- in: $1 instance; arrays of one length: $2 tenants, $3 weights, $4 got and $5 lag (slot-microseconds), $6 running, $7 backlogged
with n as materialized (
    select * from unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[], $6::int[], $7::boolean[])
        as n(tenant, weight, got_us, lag_us, running, backlogged)
    where exists (select from @schema@.t_tenant t where t.tenant = n.tenant) -- a tenant that was removed leaves no row
), d as (
    delete from @schema@.t_job_share s
    where s.ctid = any(array(
        select o.ctid from @schema@.t_job_share o
        where case when o.instance = $1::uuid then o.tenant not in (select n.tenant from n)
            else not exists (select from @schema@.t_job_instance i where i.id = o.instance and not i.lost) end
        for update skip locked))
)
insert into @schema@.t_job_share as s (instance, tenant, weight, got_us, lag_us, running, backlogged, updated)
select $1::uuid, n.tenant, n.weight, n.got_us, n.lag_us, n.running, n.backlogged, clock_timestamp() from n
on conflict (instance, tenant) do update
set weight = excluded.weight, got_us = excluded.got_us, lag_us = excluded.lag_us, running = excluded.running,
    backlogged = excluded.backlogged, updated = excluded.updated;
