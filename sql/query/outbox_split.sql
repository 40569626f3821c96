-- Moves the oldest rows of the outbox to t_job_outbox_parked, one row per tenant and outbox row, of the same id: each tenant's events
-- wait there for its own virtual host. Rows that another relay is moving are waited for: what it moved comes before the rest.
-- in:  $1 how many rows at most
-- out: rows (tenant, rows): who has events now; rows: how many outbox rows were moved in all
with o as materialized (
    select x.* from @schema@.t_job_outbox x order by x.id limit $1::int for update
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
select i.tenant, (select count(*) from o) as rows from i group by i.tenant order by i.tenant;
