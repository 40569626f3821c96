-- Records runs that were started and have not ended: TO_BE_RUN to RUNNING.
-- in:  $1 instance; arrays: $2 ids, $3 versions (as known), $4 age of the start (microseconds before now), $5 percent
-- out: per run (id, state, version, stop_requested): state applied, busy, fenced as in run_end
with e as materialized (
    select * from unnest($2::uuid[], $3::int[], $4::bigint[], $5::int[]) as e(id, version, start_age, percent)
), k as materialized (
    select e.*, clock_timestamp() as now
    from e join @schema@.t_job_info j on j.id = any(array[e.id])
    where j.version = e.version and j.instance = $1::uuid and j.status = 'TO_BE_RUN'
    for no key update of j skip locked
), u as (
    update @schema@.t_job_info j
    set status = 'RUNNING', version = j.version + 1, status_date = k.now,
        start_date = k.now - k.start_age * interval '1 microsecond', percent_completed = k.percent
    from k
    where j.id = any(array[k.id]) and j.version = k.version and j.instance = $1::uuid
    returning j.id, j.tenant, j.class_name, j.status, j.version, j.attempt, j.percent_completed, j.start_date, j.stop_requested,
        @schema@.job_extras(j.owner, j.description, j.related_type, j.related_id, null, null, null, null, j.traceparent) as extras
), report as materialized (
    select @schema@.job_report(array_agg(u.id), array_agg(u.tenant), array_agg(u.class_name),
        array_agg('TO_BE_RUN'::@schema@.job_status), array_agg(null::@schema@.job_status), array_agg(u.status),
        array_agg(u.version), array_agg(u.attempt), array_agg(u.percent_completed), array_agg(null::timestamptz),
        array_agg(u.start_date),
        array_agg(u.extras)) as outbox
    from u
)
select u.id, 'applied' as state, u.version, u.stop_requested from report cross join u
union all
select e.id, case when exists (select from @schema@.t_job_info j
        where j.id = e.id and j.version = e.version and j.instance = $1::uuid) then 'busy' else 'fenced' end, null, null
from e where e.id not in (select u.id from u);
