-- The counts that are kept are the numbers of jobs.
-- out: findings (tenant, id, text), at most 1000
select tenant, null::uuid as id,
    format('class %s, %s: %s counted, %s there', class_name, status, coalesce(c.n, 0), coalesce(j.n, 0)) as text
from (select v.tenant, v.class_name, v.status, v.n from @schema@.v_job_count v where v.n <> 0) c
full join (select x.tenant, x.class_name, x.status, count(*) as n from @schema@.t_job_info x group by 1, 2, 3) j
    using (tenant, class_name, status)
where coalesce(c.n, 0) <> coalesce(j.n, 0)
order by tenant, class_name, status limit 1000;
