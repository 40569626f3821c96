-- Moves the oldest rows of the outbox, of the ids that the relay does not know, to t_job_outbox_parked, one row per tenant and outbox
-- row, of the same id: each tenant's events wait there for its own virtual host. Rows that another relay is moving are waited for:
-- what it moved comes before the rest.
-- in:  $1, $2 first and last ids of ranges, in order, $3 how many rows at most, $4 whether a fence is wanted
-- out: a row without a tenant: ids of the rows moved, in order; rows: how many were found; last: the id of the last of them; oldest
--      and fence as outbox_read; then a row for each tenant that has events now
with s as materialized (
    select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as oldest,
        case when $4::boolean then pg_current_xact_id()::text::bigint end as fence
), k as materialized (
    select x.id from unnest($1::bigint[], $2::bigint[]) r(first, last)
    cross join lateral (
        select x.id from @schema@.t_job_outbox x where x.id between r.first and r.last order by x.id limit $3::int) x
    order by x.id limit $3::int
), o as materialized (
    select x.* from @schema@.t_job_outbox x where x.id = any(array(select k.id from k)) order by x.id for update
), d as (
    delete from @schema@.t_job_outbox x where x.id = any(array(select o.id from o))
), i as (
    insert into @schema@.t_job_outbox_parked (tenant, id, ids, tenants, class_names, middles, statuses, versions, attempts, percents,
        middle_dates, dates, extras)
    select e.tenant, o.id, array_agg(e.id order by e.n), array_agg(e.tenant order by e.n), array_agg(e.class_name order by e.n),
        array_agg(e.middle order by e.n), array_agg(e.status order by e.n), array_agg(e.version order by e.n),
        array_agg(e.attempt order by e.n), array_agg(e.percent order by e.n), array_agg(e.middle_date order by e.n),
        array_agg(e.date order by e.n), array_agg(e.extra order by e.n)
    from o
    cross join lateral unnest(o.ids, o.tenants, o.class_names, o.middles, o.statuses, o.versions, o.attempts, o.percents,
        o.middle_dates, o.dates, o.extras) with ordinality
        e(id, tenant, class_name, middle, status, version, attempt, percent, middle_date, date, extra, n)
    group by o.id, e.tenant
    returning tenant
)
select null::text as tenant, array(select o.id from o order by o.id) as ids, (select count(*) from k) as rows,
    (select max(k.id) from k) as last, s.oldest, s.fence
from s
union all
select i.tenant, null, null, null, null, null from i group by i.tenant;
