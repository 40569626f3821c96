-- Number of jobs by tenant, one column a status, from the counts that ticks and submits keep.
-- out: a row per tenant, none for tenants without jobs
select c.tenant, '' as class_name,
    coalesce(sum(c.n) filter (where c.status = 'PENDING'), 0)::bigint as pending,
    coalesce(sum(c.n) filter (where c.status = 'QUEUED'), 0)::bigint as queued,
    coalesce(sum(c.n) filter (where c.status = 'TO_BE_RUN'), 0)::bigint as to_be_run,
    coalesce(sum(c.n) filter (where c.status = 'RUNNING'), 0)::bigint as running,
    coalesce(sum(c.n) filter (where c.status = 'SUCCEEDED'), 0)::bigint as succeeded,
    coalesce(sum(c.n) filter (where c.status = 'FAILED'), 0)::bigint as failed,
    coalesce(sum(c.n) filter (where c.status = 'ABORTED'), 0)::bigint as aborted
from (select x.tenant, x.status, x.n from @schema@.t_job_count x
    union all
    select x.tenant, x.status, x.n from @schema@.t_job_count_delta x) c
group by c.tenant
having bool_or(c.n <> 0);
