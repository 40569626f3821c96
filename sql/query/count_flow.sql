-- How often jobs came to a final status, and how many have not ended: from the counts that ticks and submits keep.
-- in: $1 tenant, null = all    out: one row (succeeded, failed, aborted, unfinished)
select coalesce(sum(c.entered) filter (where c.status = 'SUCCEEDED'), 0)::bigint as succeeded,
    coalesce(sum(c.entered) filter (where c.status = 'FAILED'), 0)::bigint as failed,
    coalesce(sum(c.entered) filter (where c.status = 'ABORTED'), 0)::bigint as aborted,
    coalesce(sum(c.n) filter (where c.status not in ('SUCCEEDED', 'FAILED', 'ABORTED')), 0)::bigint as unfinished
from (select x.tenant, x.status, x.n, x.entered from @schema@.t_job_count x
    union all
    select x.tenant, x.status, x.n, greatest(x.n, 0) from @schema@.t_job_count_delta x) c
where $1::text is null or c.tenant = $1::text;
