-- Takes the events of a tenant that were not broadcast yet, parked ones too, out of the outbox; those of others stay, in their places.
-- in: tenant, how many outbox rows at most    out: how many rows were changed
create or replace function @schema@.tenant_discard_events(of_tenant text, most int) returns int
language plpgsql volatile
set search_path = @schema@, pg_temp
as $$
declare
    ret int;
begin
    with k as materialized (
        select o.ctid, of_tenant = all(o.tenants) as alone from t_job_outbox o where of_tenant = any(o.tenants)
        order by o.id limit most
        for update of o
    ), d as (
        delete from t_job_outbox o where o.ctid = any(array(select k.ctid from k where k.alone))
    ), u as (
        update t_job_outbox o set (ids, tenants, class_names, middles, statuses, versions, attempts, percents, middle_dates, dates,
            extras) = (
            select array_agg(e.id order by e.n), array_agg(e.tenant order by e.n), array_agg(e.class_name order by e.n),
                array_agg(e.middle order by e.n), array_agg(e.status order by e.n), array_agg(e.version order by e.n),
                array_agg(e.attempt order by e.n), array_agg(e.percent order by e.n), array_agg(e.middle_date order by e.n),
                array_agg(e.date order by e.n), array_agg(e.extra order by e.n)
            from unnest(o.ids, o.tenants, o.class_names, o.middles, o.statuses, o.versions, o.attempts, o.percents, o.middle_dates,
                o.dates, o.extras) with ordinality
                e(id, tenant, class_name, middle, status, version, attempt, percent, middle_date, date, extra, n)
            where e.tenant <> of_tenant)
        where o.ctid = any(array(select k.ctid from k where not k.alone))
    )
    select count(*) into ret from k;
    if ret = 0 then -- what was parked meanwhile, too
        delete from t_job_outbox_parked p where p.tenant = of_tenant
            and p.id = any(array(select x.id from t_job_outbox_parked x where x.tenant = of_tenant order by x.id limit most));
        get diagnostics ret = row_count;
    end if;
    return ret;
end
$$;
