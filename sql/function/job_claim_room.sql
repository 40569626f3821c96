-- What ready_room asks: locks the rows of limited tenants and classes until the end of the tick, then counts, in a statement of
-- its own: counted together with the lock it would be on a snapshot older than the lock (tried: 6 at once under a limit of 3).
-- Waits for nobody. The rooms are left in the setting jobs.rooms of this transaction.
-- in:  lanes, tenants, quotas (arrays of one length)
-- out: a row per element, n from 1 on: room: how many may be chosen, at most its quota; held: others hold the lock, so none
create or replace function @schema@.job_claim_room(lanes text[], tenants text[], quotas int[])
returns table (n bigint, room int, held boolean)
language plpgsql volatile
set search_path = @schema@, pg_temp
as $$
declare
    our_tenants text[];
    our_lanes text[];
    rooms int[];
    helds boolean[];
begin
    select coalesce(array_agg(s.tenant), '{}') into our_tenants from (
        select s.tenant from t_tenant s
        where s.tenant = any(tenants) and s.max_running is not null
        order by s.tenant for no key update skip locked) s;
    select coalesce(array_agg(k.class_name), '{}') into our_lanes from (
        select k.class_name from t_job_class k
        where k.class_name = any(lanes) and k.lane <> ''
            and (k.max_running is not null or k.max_running_per_tenant is not null)
        order by k.class_name for no key update skip locked) k;

    with x as materialized (
        select r.n, lanes[r.n] as lane, tenants[r.n] as tenant, quotas[r.n] as quota, r.open, r.of_tenant, r.of_lane, r.of_both,
            r.of_tenant is not null and tenants[r.n] <> all(our_tenants)
                or coalesce(r.of_lane, r.of_both) is not null and lanes[r.n] <> all(our_lanes) as held
        from job_limit_room(lanes, tenants) r
    ), one as ( -- each by itself
        select x.n, x.lane, x.tenant, x.held, x.of_tenant, x.of_lane,
            case when x.open and not x.held then greatest(0, least(x.quota, x.of_tenant, x.of_lane, x.of_both)) else 0 end as room
        from x
    ), lane as ( -- then with those before it that share a limit
        select o.n, o.tenant, o.held, o.of_tenant, greatest(0, least(o.room, o.of_lane - coalesce(sum(o.room)
            over (partition by o.lane order by o.n rows between unbounded preceding and 1 preceding), 0)))::int as room
        from one o
    ), tenant as (
        select l.n, l.held, greatest(0, least(l.room, l.of_tenant - coalesce(sum(l.room)
            over (partition by l.tenant order by l.n rows between unbounded preceding and 1 preceding), 0)))::int as room
        from lane l
    )
    select array_agg(t.room order by t.n), array_agg(t.held order by t.n) into rooms, helds from tenant t;
    perform set_config('jobs.rooms', rooms::text, true);

    -- once nothing of the time before its lane is live, a class need not be looked for among all receipts
    update t_job_class k set settled = true
    where k.class_name = any(our_lanes) and not k.settled and k.lane_date < clock_timestamp() - interval '1 minute'
        and not exists (
            select from t_job_claim c cross join lateral unnest(c.ids) u(id) join t_job_info j on j.id = any(array[u.id])
            where c.lane = '' and j.class_name = k.class_name and j.instance = c.instance
                and j.status in ('TO_BE_RUN', 'RUNNING'));

    return query select u.n, u.room, u.held from unnest(rooms, helds) with ordinality u(room, held, n);
end
$$;
