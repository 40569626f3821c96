-- Number of jobs by tenant, class and status, without counting jobs: the folded counts and the deltas not folded yet.
create or replace view @schema@.v_job_count with (security_invoker = true) as
select c.tenant, c.class_name, c.status, sum(c.n)::bigint as n
from (select tenant, class_name, status, n from @schema@.t_job_count
    union all
    select tenant, class_name, status, n from @schema@.t_job_count_delta) c
group by c.tenant, c.class_name, c.status;
