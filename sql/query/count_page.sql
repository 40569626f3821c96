-- Number of jobs by tenant and class, a page of them, one column a status. Planned for its values at each call.
-- in:  $1 tenant, null = all; $2, $3 from this tenant and class on, null = from the first; $4 how many rows
-- out: a row per tenant and class in order, none for classes without jobs
select c.tenant, c.class_name,
    coalesce(sum(c.n) filter (where c.status = 'PENDING'), 0)::bigint as pending,
    coalesce(sum(c.n) filter (where c.status = 'QUEUED'), 0)::bigint as queued,
    coalesce(sum(c.n) filter (where c.status = 'TO_BE_RUN'), 0)::bigint as to_be_run,
    coalesce(sum(c.n) filter (where c.status = 'RUNNING'), 0)::bigint as running,
    coalesce(sum(c.n) filter (where c.status = 'SUCCEEDED'), 0)::bigint as succeeded,
    coalesce(sum(c.n) filter (where c.status = 'FAILED'), 0)::bigint as failed,
    coalesce(sum(c.n) filter (where c.status = 'ABORTED'), 0)::bigint as aborted
from (select x.tenant, x.class_name, x.status, x.n from @schema@.t_job_count x
    union all
    select x.tenant, x.class_name, x.status, x.n from @schema@.t_job_count_delta x) c
where ($1::text is null or c.tenant = $1::text)
    and ($2::text is null or (c.tenant, c.class_name) >= ($2::text, $3::text))
group by c.tenant, c.class_name
having bool_or(c.n <> 0)
order by c.tenant, c.class_name
limit $4::int;
