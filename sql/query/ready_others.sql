-- Which tenants have queued jobs besides those that are known: a probe for each gap between these, which walks over nothing that was
-- claimed of theirs, however much of it is not cleaned away yet.
-- in:  arrays: $1 lanes, $2 tenants known there, and '' for the place before all in each lane
-- out: rows (lane, tenant, and seq, weight, max_running, paused as ready_tenants): the first tenant of each gap
select n.lane, n.tenant, n.seq, t.weight, t.max_running,
    t.state <> 'ACTIVE' or n.lane <> '' and exists (select from @schema@.t_job_class_pause p
        where p.class_name = n.lane and p.tenant = n.tenant) as paused
from (
    select k.lane, k.tenant as after, lead(k.tenant) over (partition by k.lane order by k.tenant) as before
    from (select u.lane collate "C", u.tenant collate "C" from unnest($1::text[], $2::text[]) u(lane, tenant)) k(lane, tenant)
) g
cross join lateral (
    (select r.lane, r.tenant, r.seq from @schema@.t_job_ready r
    where g.before is not null and r.lane = g.lane and r.tenant > g.after and r.tenant < g.before
    order by r.lane, r.tenant, r.priority desc, r.seq limit 1)
    union all
    (select r.lane, r.tenant, r.seq from @schema@.t_job_ready r
    where g.before is null and r.lane = g.lane and r.tenant > g.after
    order by r.lane, r.tenant, r.priority desc, r.seq limit 1)) n
join @schema@.t_tenant t on t.tenant = n.tenant;
