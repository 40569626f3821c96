-- How often jobs came to a final status, and how many there are in each: from the counts that ticks and submits keep.
-- in: $1 tenant, null = all    out: one row: succeeded, failed, aborted (how often), n_pending and so on (jobs now)
select coalesce(sum(c.entered) filter (where c.status = 'SUCCEEDED'), 0)::bigint as succeeded,
    coalesce(sum(c.entered) filter (where c.status = 'FAILED'), 0)::bigint as failed,
    coalesce(sum(c.entered) filter (where c.status = 'ABORTED'), 0)::bigint as aborted,
    coalesce(sum(c.n) filter (where c.status = 'PENDING'), 0)::bigint as n_pending,
    coalesce(sum(c.n) filter (where c.status = 'QUEUED'), 0)::bigint as n_queued,
    coalesce(sum(c.n) filter (where c.status = 'TO_BE_RUN'), 0)::bigint as n_to_be_run,
    coalesce(sum(c.n) filter (where c.status = 'RUNNING'), 0)::bigint as n_running,
    coalesce(sum(c.n) filter (where c.status = 'SUCCEEDED'), 0)::bigint as n_succeeded,
    coalesce(sum(c.n) filter (where c.status = 'FAILED'), 0)::bigint as n_failed,
    coalesce(sum(c.n) filter (where c.status = 'ABORTED'), 0)::bigint as n_aborted
from (select x.tenant, x.status, x.n, x.entered from @schema@.t_job_count x
    union all
    select x.tenant, x.status, x.n, greatest(x.n, 0) from @schema@.t_job_count_delta x) c
where $1::text is null or c.tenant = $1::text;
