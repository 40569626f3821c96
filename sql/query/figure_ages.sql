-- Since when the oldest QUEUED job of each of these tenants waits: the first of each lane and priority is looked at, up to 50 lanes
-- and 20 priorities, so it costs a few probes a tenant whatever the backlog.
-- in:  $1 array of tenants
-- out: rows (tenant, age in microseconds), none for tenants without QUEUED jobs
select t.tenant, (date_part('epoch', max(clock_timestamp() - j.queued_date)) * 1000000)::bigint as age
from unnest($1::text[]) t(tenant)
cross join (select '' as lane union (select c.lane from @schema@.t_job_class c where c.lane <> '' group by c.lane limit 50)) l
cross join lateral (
    with recursive p as (
        (select r.priority, r.id, 1 as n from @schema@.t_job_ready r
        where r.lane = l.lane and r.tenant = t.tenant
        order by r.lane, r.tenant, r.priority desc, r.seq limit 1)
        union all
        select n.priority, n.id, p.n + 1 from p cross join lateral (
            select r.priority, r.id from @schema@.t_job_ready r
            where r.lane = l.lane and r.tenant = t.tenant and r.priority < p.priority
            order by r.lane, r.tenant, r.priority desc, r.seq limit 1) n
        where p.n < 20
    )
    select p.id from p) f
join @schema@.t_job_info j on j.id = any(array[f.id])
group by t.tenant;
