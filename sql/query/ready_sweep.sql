-- The first queued job of each priority of each tenant: a loose index scan, one probe each, whatever the backlog; it walks over rows that
-- were deleted and not yet cleaned away, which is what it is for (floors.h).
-- in:  $1 lane, $2 tenant and $3 priority to continue after, $4 how many at most
-- out: rows (tenant, priority, seq, and weight, max_running, paused as ready_tenants) in order of tenant, priority descending. Behind
--      them one without a tenant: took, the microseconds that it took
with recursive l as (
    (select x.*, 1 as n from (
        (select r.tenant, r.priority, r.seq from @schema@.t_job_ready r
        where r.lane = $1::text and r.tenant = $2::text and r.priority < $3::int
        order by r.lane, r.tenant, r.priority desc, r.seq limit 1)
        union all
        (select r.tenant, r.priority, r.seq from @schema@.t_job_ready r
        where r.lane = $1::text and r.tenant > $2::text
        order by r.lane, r.tenant, r.priority desc, r.seq limit 1)) x limit 1)
    union all
    select x.*, l.n + 1 from l cross join lateral (
        (select r.tenant, r.priority, r.seq from @schema@.t_job_ready r
        where r.lane = $1::text and r.tenant = l.tenant and r.priority < l.priority
        order by r.lane, r.tenant, r.priority desc, r.seq limit 1)
        union all
        (select r.tenant, r.priority, r.seq from @schema@.t_job_ready r
        where r.lane = $1::text and r.tenant > l.tenant
        order by r.lane, r.tenant, r.priority desc, r.seq limit 1)
        limit 1) x
    where l.n < $4::int
)
select l.tenant, l.priority, l.seq,
    (select t.weight from @schema@.t_tenant t where t.tenant = l.tenant) as weight,
    (select t.max_running from @schema@.t_tenant t where t.tenant = l.tenant) as max_running,
    (select t.state <> 'ACTIVE' from @schema@.t_tenant t where t.tenant = l.tenant)
        or $1::text <> '' and exists (select from @schema@.t_job_class_pause p
            where p.class_name = $1::text and p.tenant = l.tenant) as paused,
    null::bigint as took
from l
union all
select null, null, null, null, null, null, (extract(epoch from clock_timestamp() - statement_timestamp()) * 1000000)::bigint;
