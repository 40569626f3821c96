-- The events of a job that are still to be broadcast are a contiguous run of versions, in the order of the outbox, that ends at the
-- job's version and status.
-- out: findings (tenant, id, text), at most 1000
with e as (
    select o.id as outbox, u.id, u.tenant, u.version - g.back as version, case when g.back = 0 then u.status else u.middle end as status
    from (select o.id, o.ids, o.tenants, o.versions, o.statuses, o.middles from @schema@.t_job_outbox o
        union all
        select p.id, p.ids, p.tenants, p.versions, p.statuses, p.middles from @schema@.t_job_outbox_parked p) o
    cross join lateral unnest(o.ids, o.tenants, o.versions, o.statuses, o.middles) u(id, tenant, version, status, middle)
    cross join lateral generate_series(case when u.middle is null then 0 else 1 end, 0, -1) g(back)
), n as (
    select e.*, lag(e.version) over w as before, lead(e.version) over w as next
    from e window w as (partition by e.id order by e.outbox, e.version)
)
select n.tenant, n.id,
    case when n.before is distinct from n.version - 1 and n.before is not null
            then format('event %s follows event %s in the outbox', n.version, n.before)
        else format('its last event in the outbox is %s (%s), the job is at %s (%s)', n.version, n.status, j.version, j.status)
        end as text
from n left join @schema@.t_job_info j on j.id = n.id
where (n.before is not null and n.before <> n.version - 1)
    or (n.next is null and j.id is not null and (j.version, j.status) is distinct from (n.version, n.status))
order by 2, n.version limit 1000;
