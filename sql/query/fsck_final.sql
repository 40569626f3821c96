-- Invariant 5: a final status has a stop date, a FAILED one its kind of error; FAILED and ABORTED jobs have their row in
-- t_job_failure, no others.
-- out: findings (tenant, id, text), at most 1000
select coalesce(j.tenant, f.tenant) as tenant, coalesce(j.id, f.id) as id,
    case when j.id is null then 'a failure row of a job that is not there'
        when j.status not in ('SUCCEEDED', 'FAILED', 'ABORTED') and j.stop_date is not null then format('%s, but has a stop date', j.status)
        when j.status in ('SUCCEEDED', 'FAILED', 'ABORTED') and j.stop_date is null then format('%s, but has no stop date', j.status)
        when j.status = 'FAILED' and j.error_kind is null then 'FAILED, but has no kind of error'
        when j.status = 'SUCCEEDED' and j.error_kind is not null then format('SUCCEEDED, but has an error of kind %s', j.error_kind)
        when f.id is null then format('%s, but has no failure row', j.status)
        when f.tenant <> j.tenant then format('its failure row is of tenant "%s"', f.tenant)
        else format('%s, but has a failure row', j.status) end as text
from @schema@.t_job_info j full join @schema@.t_job_failure f on f.id = j.id
where j.id is null
    or (j.status in ('SUCCEEDED', 'FAILED', 'ABORTED')) <> (j.stop_date is not null)
    or (j.status = 'FAILED' and j.error_kind is null)
    or (j.status = 'SUCCEEDED' and j.error_kind is not null)
    or (j.status in ('FAILED', 'ABORTED')) <> (f.id is not null)
    or f.tenant <> j.tenant
order by 2 limit 1000;
