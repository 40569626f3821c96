-- Jobs of one tenant, newest first (by id, descending), a page at a time. Planned for its values at each call (never prepared), so
-- that a filter that is not given costs nothing.
-- in:  $1 tenant; filters, null = any: $2 statuses, $3 class name, $4 owner, $5 related type, $6 related id; $7 continue after this
--      id; $8 how many at most; $9 this job alone; $10 leave out parameters, result and error; $11 the statuses have narrow tables
--      (job_narrow); $12 priority; $13 created from, $14 to (microseconds since 1970); $15 look no further than this id
-- out: a row per job; dates in microseconds since 1970, durations in milliseconds
with page as (
    (select j.id
    from @schema@.t_job_info j
    where not $11::boolean and j.tenant = $1::text
        and ($9::uuid is null or j.id = $9::uuid)
        and ($7::uuid is null or j.id < $7::uuid) and ($15::uuid is null or j.id >= $15::uuid)
        and ($2::@schema@.job_status[] is null or j.status = any($2::@schema@.job_status[]))
        and ($3::text is null or j.class_name = $3::text)
        and ($4::text is null or j.owner = $4::text)
        and ($5::text is null or j.related_type = $5::text)
        and ($6::text is null or j.related_id = $6::text)
        and ($12::int is null or j.priority = $12::int)
        and ($13::bigint is null or j.created_date >= timestamptz 'epoch' + $13::bigint * interval '1 microsecond')
        and ($14::bigint is null or j.created_date < timestamptz 'epoch' + $14::bigint * interval '1 microsecond')
    order by j.id desc limit $8::int)
    union all
    (select j.id
    from @schema@.job_narrow($1::text, $2::@schema@.job_status[], $7::uuid, $15::uuid) n(id)
    join @schema@.t_job_info j on j.id = n.id
    where $11::boolean and j.tenant = $1::text
        and ($7::uuid is null or n.id < $7::uuid) and ($15::uuid is null or n.id >= $15::uuid)
        and j.status = any($2::@schema@.job_status[])
        and ($4::text is null or j.owner = $4::text)
        and ($5::text is null or j.related_type = $5::text)
        and ($12::int is null or j.priority = $12::int)
        and ($13::bigint is null or j.created_date >= timestamptz 'epoch' + $13::bigint * interval '1 microsecond')
        and ($14::bigint is null or j.created_date < timestamptz 'epoch' + $14::bigint * interval '1 microsecond')
    order by n.id desc limit $8::int)
)
select j.id, j.tenant, j.class_name, j.status, j.priority, j.description, j.owner, j.related_type, j.related_id, j.traceparent,
    coalesce(j.max_attempts, 0) as attempts, (extract(epoch from j.timeout) * 1000)::bigint as timeout,
    (extract(epoch from j.backoff) * 1000)::bigint as backoff, j.locked, j.attempt, j.version, j.percent_completed,
    j.result_class_name, j.error_kind, j.instance,
    (extract(epoch from j.trigger_after_date) * 1000000)::bigint as trigger_after_date,
    (extract(epoch from j.expiration_date) * 1000000)::bigint as expiration_date,
    (extract(epoch from j.created_date) * 1000000)::bigint as created_date,
    (extract(epoch from j.queued_date) * 1000000)::bigint as queued_date,
    (extract(epoch from j.start_date) * 1000000)::bigint as start_date,
    (extract(epoch from j.stop_date) * 1000000)::bigint as stop_date,
    (extract(epoch from j.status_date) * 1000000)::bigint as status_date,
    (extract(epoch from j.estimated_completion) * 1000000)::bigint as estimated_completion,
    case when not $10::boolean then j.result::text end as result,
    case when not $10::boolean then j.error end as error,
    case when not $10::boolean then j.parameters::text end as parameters
from page p join @schema@.v_job j on j.id = p.id
order by j.id desc;
