-- Number of jobs by tenant and class, one column a status, from the counts that ticks and submits keep.
-- in: $1 tenant, null = all    out: a row per tenant and class in order, none for classes without jobs
select c.tenant, c.class_name,
    coalesce(sum(c.n) filter (where c.status = 'PENDING'), 0)::bigint as pending,
    coalesce(sum(c.n) filter (where c.status = 'QUEUED'), 0)::bigint as queued,
    coalesce(sum(c.n) filter (where c.status = 'TO_BE_RUN'), 0)::bigint as to_be_run,
    coalesce(sum(c.n) filter (where c.status = 'RUNNING'), 0)::bigint as running,
    coalesce(sum(c.n) filter (where c.status = 'SUCCEEDED'), 0)::bigint as succeeded,
    coalesce(sum(c.n) filter (where c.status = 'FAILED'), 0)::bigint as failed,
    coalesce(sum(c.n) filter (where c.status = 'ABORTED'), 0)::bigint as aborted
from @schema@.v_job_count c
where $1::text is null or c.tenant = $1::text
group by c.tenant, c.class_name
having bool_or(c.n <> 0)
order by c.tenant, c.class_name;
