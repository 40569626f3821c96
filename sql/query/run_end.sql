-- Applies ended runs.
-- in:  $1 instance; arrays, one element per run: $2 ids, $3 versions (as known), $4 target status, $5 began (the run was started),
--      $6 recorded (RUNNING is in the row already), $7 age of the start and $8 of the end (microseconds before now),
--      $9 percent, $10 result (JSON text), $11 result class name, $12 error kind, $13 error, $14 delay until due (microseconds, of
--      PENDING), $15 spare (the attempt does not count), $16 outcome word for the attempt (a CRASH that FAILED is one of its class),
--      $17 tail of what it printed and logged (null: nothing)
-- out: per run (id, state, status): applied, with the status it got; busy (locked by somebody: send again); fenced (say nothing)
with e as materialized (
    select * from unnest($2::uuid[], $3::int[], $4::@schema@.job_status[], $5::boolean[], $6::boolean[], $7::bigint[], $8::bigint[],
        $9::int[], $10::text[], $11::text[], $12::text[], $13::text[], $14::bigint[], $15::boolean[], $16::text[], $17::text[])
        as e(id, version, target, began, recorded, start_age, end_age, percent, result, result_class_name, error_kind, error,
            delay, spare, outcome, log)
), k as materialized (
    select e.*, j.ctid, j.status as before,
        -- a stop request turns every way back, and every failure, into ABORTED; a success keeps its end
        case when j.stop_requested and e.target <> 'SUCCEEDED' then 'ABORTED' else e.target end as status,
        case when e.began and not e.recorded then 'RUNNING'::@schema@.job_status end as middle,
        clock_timestamp() as now,
        -- from start to end it is what the instance measured, whatever time two ticks took to get here
        case when e.began and e.recorded then least(clock_timestamp(),
                j.start_date + greatest(0, e.start_age - e.end_age) * interval '1 microsecond')
            else clock_timestamp() - e.end_age * interval '1 microsecond' end as ended
    from e join @schema@.t_job_info j on j.id = any(array[e.id])
    where j.version = e.version and j.instance = $1::uuid and j.status in ('TO_BE_RUN', 'RUNNING')
    for no key update of j skip locked
), u as (
    update @schema@.t_job_info j
    set status = k.status,
        version = j.version + case when k.middle is null then 1 else 2 end,
        status_date = k.now,
        start_date = case when k.began and not k.recorded then k.now - k.start_age * interval '1 microsecond' else j.start_date end,
        stop_date = case when k.status in ('SUCCEEDED', 'FAILED', 'ABORTED') -- ages of two ticks differ by their latencies
            then greatest(j.start_date, k.now - k.end_age * interval '1 microsecond') end,
        queued_date = case when k.status = 'QUEUED' then k.now else j.queued_date end,
        trigger_after_date = case when k.status = 'PENDING' then k.now + k.delay * interval '1 microsecond' else j.trigger_after_date end,
        percent_completed = case when k.status = 'SUCCEEDED' then 100 else k.percent end,
        estimated_completion = null,
        attempt_base = j.attempt_base + case when k.spare then 1 else 0 end,
        instance = case when k.status in ('PENDING', 'QUEUED') then null else j.instance end,
        result = k.result::jsonb,
        result_class_name = k.result_class_name,
        error_kind = k.error_kind,
        error = k.error
    from k
    where j.ctid = k.ctid and j.version = k.version and j.instance = $1::uuid
    -- only what is needed: what is returned is stored and read several times
    returning j.id, j.tenant, j.class_name, k.before, k.middle, j.status, j.version, j.attempt, j.percent_completed,
        j.start_date, j.status_date, j.lane, j.priority, j.ready_seq, j.trigger_after_date, k.outcome, k.log, k.began,
        k.ended, -- the event's date: not when it was written
        j.error_kind, j.error,
        @schema@.job_extras(j.owner, j.description, j.related_type, j.related_id, j.result_class_name, j.result,
            j.error_kind, j.error, j.traceparent) as extras
), attempt as (
    insert into @schema@.t_job_attempt (job_id, attempt, tenant, instance, start_date, stop_date, outcome, error_kind, error)
    select u.id, u.attempt, u.tenant, $1::uuid, u.start_date, u.status_date, u.outcome, u.error_kind, u.error
    from u where u.began and u.status in ('PENDING', 'QUEUED')
    on conflict do nothing
), log as (
    insert into @schema@.t_job_log (job_id, attempt, tail)
    select u.id, u.attempt, u.log from u where u.log is not null
    on conflict (job_id, attempt) do update set tail = excluded.tail
), crash as (
    insert into @schema@.t_job_crash (tenant, class_name)
    select u.tenant, u.class_name from u where u.error_kind = 'CRASH' and u.outcome = 'FAILED'
), ready as (
    insert into @schema@.t_job_ready (lane, tenant, priority, seq, id)
    select u.lane, u.tenant, u.priority, u.ready_seq, u.id from u where u.status = 'QUEUED'
), timer as (
    insert into @schema@.t_job_timer (due, id, tenant)
    select u.trigger_after_date, u.id, u.tenant from u where u.status = 'PENDING'
), failure as (
    insert into @schema@.t_job_failure (tenant, id)
    select u.tenant, u.id from u where u.status in ('FAILED', 'ABORTED')
    on conflict do nothing
), report as materialized (
    select @schema@.job_report(array_agg(u.id), array_agg(u.tenant), array_agg(u.class_name), array_agg(u.before),
        array_agg(u.middle), array_agg(u.status), array_agg(u.version), array_agg(u.attempt), array_agg(u.percent_completed),
        array_agg(case when u.middle is not null then u.start_date end), array_agg(u.ended),
        array_agg(u.extras)) as outbox
    from u
)
select u.id, 'applied' as state, u.status from report cross join u
union all
-- a hashed sub-plan: joins would be nested loops in these sessions
select e.id, case when exists (select from @schema@.t_job_info j
        where j.id = e.id and j.version = e.version and j.instance = $1::uuid) then 'busy' else 'fenced' end, null
from e where e.id not in (select u.id from u);
