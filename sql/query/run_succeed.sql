-- Applies runs that succeeded, the usual end: what run_end does for them, with less to carry (two thirds of its instructions).
-- in:  $1 instance; arrays, one element per run: $2 ids, $3 versions (as known), $4 age of the start (microseconds before now;
--      null: RUNNING is in the row already), $5 age of the end, $6 result (JSON text), $7 result class name
-- out: as run_end
with k as (
    -- no materialized batch: nothing else reads it, and the update finds each row by the place where it was locked
    select x.ctid, e.version, e.start_age, e.end_age, e.result, e.result_class_name, x.status as before, clock_timestamp() as now
    from unnest($2::uuid[], $3::int[], $4::bigint[], $5::bigint[], $6::text[], $7::text[])
        as e(id, version, start_age, end_age, result, result_class_name)
    join @schema@.t_job_info x on x.id = any(array[e.id])
    where x.version = e.version and x.instance = $1::uuid and x.status in ('TO_BE_RUN', 'RUNNING')
    for no key update of x skip locked
), u as (
    update @schema@.t_job_info j
    set status = 'SUCCEEDED',
        version = j.version + case when k.start_age is null then 1 else 2 end,
        status_date = k.now,
        start_date = case when k.start_age is null then j.start_date else k.now - k.start_age * interval '1 microsecond' end,
        stop_date = greatest(j.start_date, k.now - k.end_age * interval '1 microsecond'), -- ages of two ticks differ by their latencies
        percent_completed = 100,
        estimated_completion = null,
        result = k.result::jsonb,
        result_class_name = k.result_class_name,
        error_kind = null,
        error = null
    from k
    where j.ctid = k.ctid and j.version = k.version and j.instance = $1::uuid
    returning j.id, j.tenant, j.class_name, k.before, case when k.start_age is not null then 'RUNNING'::@schema@.job_status end as middle,
        j.status, j.version, j.attempt, j.percent_completed, j.start_date, j.status_date,
        @schema@.job_extras(j.owner, j.description, j.related_type, j.related_id, j.result_class_name, j.result,
            null, null, j.traceparent) as extras
), report as materialized (
    select @schema@.job_report(array_agg(u.id), array_agg(u.tenant), array_agg(u.class_name), array_agg(u.before),
        array_agg(u.middle), array_agg(u.status), array_agg(u.version), array_agg(u.attempt), array_agg(u.percent_completed),
        array_agg(case when u.middle is not null then u.start_date end), array_agg(u.status_date),
        array_agg(u.extras)) as outbox
    from u
)
select u.id, 'applied' as state, u.status from report cross join u
union all
-- a hashed sub-plan: joins would be nested loops in these sessions
select e.id, case when exists (select from @schema@.t_job_info j
        where j.id = e.id and j.version = e.version and j.instance = $1::uuid) then 'busy' else 'fenced' end, null
from unnest($2::uuid[], $3::int[]) as e(id, version) where e.id not in (select u.id from u);
