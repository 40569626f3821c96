-- How many more jobs may be chosen before a limit is reached, by what is committed at this moment and done in this transaction.
-- Live jobs are counted from the receipts of all instances: those that are TO_BE_RUN or RUNNING, for the instance of the receipt
-- (a job that ended or was handed back stays on its receipt until the last one of it has ended). A dead instance's count until
-- they are taken over.
-- in:  lanes, tenants (arrays of one length)
-- out: a row per element, n from 1 on: open: tenant and class may run at all; of_tenant, of_lane, of_both: what is left under
--      the limit of the tenant, of the class over all tenants, of the class for this tenant (null: no limit; may be below 0)
create or replace function @schema@.job_limit_room(lanes text[], tenants text[])
returns table (n bigint, open boolean, of_tenant int, of_lane int, of_both int)
language plpgsql volatile -- each statement sees what was committed before it began, not before its caller did
set search_path = @schema@, pg_temp
as $$
begin
    return query
    with x as materialized (
        select u.n, u.lane, u.tenant from unnest(lanes, tenants) with ordinality u(lane, tenant, n)
    ), early as materialized ( -- jobs of classes that have just got a lane, claimed before that
        select k.class_name, e.tenant, e.live
        from t_job_class k
        cross join lateral ( -- driven by the class: there is hardly ever one
            select j.tenant, count(distinct j.id) as live
            from t_job_claim c cross join lateral unnest(c.ids) u(id)
            join t_job_info j on j.id = any(array[u.id])
            where c.lane = '' and j.class_name = k.class_name and j.instance = c.instance
                and j.status in ('TO_BE_RUN', 'RUNNING')
            group by j.tenant) e
        where k.class_name = any(lanes) and not k.settled and k.lane <> ''
    ), l as materialized (
        select k.lane, k.paused, k.max_running_per_tenant, case when k.max_running is not null then k.max_running - (
            select count(distinct u.id) from t_job_claim c cross join lateral unnest(c.ids) u(id)
            where c.lane = k.lane and c.lane <> ''
                and (select j.instance = c.instance and j.status in ('TO_BE_RUN', 'RUNNING')
                    from t_job_info j where j.id = u.id))
            - coalesce((select sum(e.live) from early e where e.class_name = k.lane), 0) end as room
        from (select distinct x.lane from x where x.lane <> '') d
        join t_job_class k on k.class_name = any(array[d.lane]) and k.lane <> ''
    )
    select x.n,
        coalesce(s.state = 'ACTIVE', false)
            and (x.lane = '' or coalesce((select not l.paused from l where l.lane = x.lane), false)
                and not exists (select from t_job_class_pause p where p.class_name = x.lane and p.tenant = x.tenant)),
        case when s.max_running is not null then s.max_running - (
            select count(distinct u.id) from t_job_claim c cross join lateral unnest(c.ids) u(id)
            where c.tenant = x.tenant
                and (select j.instance = c.instance and j.status in ('TO_BE_RUN', 'RUNNING')
                    from t_job_info j where j.id = u.id))::int end,
        (select l.room from l where l.lane = x.lane)::int,
        (select l.max_running_per_tenant - (
            select count(distinct u.id) from t_job_claim c cross join lateral unnest(c.ids) u(id)
            where c.lane = x.lane and c.lane <> '' and c.tenant = x.tenant
                and (select j.instance = c.instance and j.status in ('TO_BE_RUN', 'RUNNING')
                    from t_job_info j where j.id = u.id))
            - coalesce((select e.live from early e where e.class_name = x.lane and e.tenant = x.tenant), 0)
        from l where l.lane = x.lane and l.max_running_per_tenant is not null)::int
    from x left join t_tenant s on s.tenant = any(array[x.tenant]);
end
$$;
