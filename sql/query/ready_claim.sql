-- Chooses jobs: highest priority first, then first in first out, of each named tenant up to its quota.
-- in:  $1 instance, $2 tick; arrays: $3 lanes, $4 tenants, $5 quotas (null: limited ones, as ready_room found just before, which
--      keeps their rows locked; afterwards the setting is an empty text, and planners look at it too); $6 how many at most in all;
--      $7, $8 the first and the last range of each; $9 to $11 the ranges: highest and lowest priority, seq to begin above. More
--      than one of a tenant: floors, which leave out rows that were claimed before
-- out: a row per job chosen, in no order (claim_order makes it), all that its run needs (parameters only up to 16 KiB: null = read them with run_parameters);
--      status FAILED: it had expired; waited: microseconds since it was QUEUED. Nobody's row lock is waited for.
with c as materialized (
    select x.ctid, x.job_ctid, x.now, coalesce(x.expiration_date <= x.now, false) as expired
    from unnest($3::text[], $4::text[], coalesce($5::int[], nullif(current_setting('jobs.rooms', true), '')::int[]), $7::int[], $8::int[])
        t(lane, tenant, quota, first, last)
    cross join lateral (
        select y.* from generate_series(t.first, t.last) i -- in order, and no further than the quota asks for
        cross join lateral (
            select r.ctid, j.ctid as job_ctid, j.expiration_date, j.class_name, clock_timestamp() as now
            from @schema@.t_job_ready r join @schema@.t_job_info j on j.id = any(array[r.id])
            where r.lane = t.lane and r.tenant = t.tenant and j.status = 'QUEUED'
                and r.priority <= ($9::int[])[i] and r.priority >= ($10::int[])[i] and r.seq > ($11::bigint[])[i]
            order by r.priority desc, r.seq limit t.quota
            for update of r skip locked for no key update of j skip locked) y
        limit t.quota) x
    where (select s.state = 'ACTIVE' and (s.max_running is null or $5::int[] is null)
            from @schema@.t_tenant s where s.tenant = t.tenant)
        and case when t.lane = ''
            -- one that has a lane by now is not for this one: ready_move takes it there
            then x.class_name not in (select k.class_name from @schema@.t_job_class k where k.lane <> '')
            else (select not k.paused and (coalesce(k.max_running, k.max_running_per_tenant) is null or $5::int[] is null)
                    and not exists (select from @schema@.t_job_class_pause p where p.class_name = t.lane and p.tenant = t.tenant)
                from @schema@.t_job_class k where k.class_name = t.lane) end
    limit $6::int
), u as (
    update @schema@.t_job_info j
    set status = case when c.expired then 'FAILED' else 'TO_BE_RUN' end::@schema@.job_status,
        version = j.version + case when c.expired then 2 else 1 end,
        stop_date = case when c.expired then c.now end,
        error_kind = case when c.expired then 'EXPIRED' else j.error_kind end,
        error = case when c.expired then 'expiration date reached' else j.error end,
        status_date = c.now, attempt = j.attempt + 1, instance = $1::uuid, start_date = null, percent_completed = 0
    from c
    where j.ctid = c.job_ctid and j.status = 'QUEUED'
    -- only what is needed: what is returned is stored and read several times
    returning j.id, j.lane, j.tenant, j.class_name, j.status, j.priority, j.ready_seq, j.attempt, j.attempt_base,
        j.max_attempts, j.version, j.suspect, j.timeout, j.backoff, j.traceparent, j.parameters_bytes, j.status_date, c.expired,
        j.status_date - j.queued_date as waited, c.ctid as ready,
        @schema@.job_extras(j.owner, j.description, j.related_type, j.related_id, null, null,
            case when c.expired then j.error_kind end, case when c.expired then j.error end, j.traceparent) as extras
), d as (
    -- of those updated only: a row that was changed since this statement began is locked as it is now, which the update, that
    -- looks with the eyes of then, does not find; it is the next claim's
    delete from @schema@.t_job_ready r where r.ctid = any(array(select u.ready from u))
), receipt as (
    insert into @schema@.t_job_claim (instance, tick, tenant, lane, ids)
    select $1::uuid, $2::bigint, u.tenant, u.lane, array_agg(u.id) from u where not u.expired group by u.tenant, u.lane
), failure as (
    insert into @schema@.t_job_failure (tenant, id)
    select u.tenant, u.id from u where u.expired
    on conflict do nothing
), report as materialized (
    select @schema@.job_report(array_agg(u.id), array_agg(u.tenant), array_agg(u.class_name),
        array_agg('QUEUED'::@schema@.job_status),
        array_agg(case when u.expired then 'TO_BE_RUN'::@schema@.job_status end),
        array_agg(u.status), array_agg(u.version), array_agg(u.attempt), array_agg(0),
        array_agg(case when u.expired then u.status_date end), array_agg(u.status_date), array_agg(u.extras)) as outbox
    from u
)
select u.id, u.lane, u.tenant, u.class_name, u.status, u.priority, u.ready_seq, u.attempt, u.attempt_base, u.max_attempts, u.version,
    u.suspect, (extract(epoch from u.timeout) * 1000)::bigint as timeout, (extract(epoch from u.backoff) * 1000)::bigint as backoff,
    u.traceparent, (date_part('epoch', u.waited) * 1000000)::bigint as waited,
    case when u.parameters_bytes = 0 then '{}' when u.parameters_bytes <= 16384 then
        (select coalesce(jsonb_object_agg(p.name, p.value), '{}')::text from @schema@.t_job_parameters p where p.job_id = u.id)
    end as parameters
from report cross join u;
