-- The weights of all tenants that have jobs to run, together.
-- out: one row (weights)
select coalesce(sum(t.weight), 0)::bigint as weights
from @schema@.t_tenant t
where t.tenant in (
    select c.tenant
    from (select x.tenant, x.status, x.n from @schema@.t_job_count x
        union all
        select x.tenant, x.status, x.n from @schema@.t_job_count_delta x) c
    where c.status in ('QUEUED', 'TO_BE_RUN', 'RUNNING')
    group by c.tenant having sum(c.n) > 0);
