-- Writes the completion of running jobs; no status change, so no event. A row that somebody holds is left for the next time.
-- in:  $1 instance; arrays: $2 ids, $3 versions, $4 percent, $5 microseconds the rest will take (null: unknown)
-- out: ids written
with k as materialized (
    select j.id, e.version, e.percent, e.rest
    from unnest($2::uuid[], $3::int[], $4::int[], $5::bigint[]) as e(id, version, percent, rest)
    join @schema@.t_job_info j on j.id = any(array[e.id])
    where j.version = e.version and j.instance = $1::uuid and j.status = 'RUNNING'
    for no key update of j skip locked
)
update @schema@.t_job_info j
set percent_completed = k.percent, estimated_completion = clock_timestamp() + k.rest * interval '1 microsecond'
from k
where j.id = any(array[k.id]) and j.version = k.version and j.instance = $1::uuid
returning j.id;
