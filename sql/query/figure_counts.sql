-- Number of jobs by tenant, class and status for metrics, from the counts that ticks and submits keep: the busiest tenants and classes
-- by name, the others summed as "_other" (no name of a tenant or class begins so). Waiting and running jobs weigh ten times those that
-- have ended; who had a name in the last look keeps it until somebody is twice as busy.
-- in:  $1 how many tenants by name, $2 array of those of the last look, $3 how many classes by name
-- out: rows (tenant, class_name, status, n)
with c as materialized (
    select v.tenant, v.class_name, v.status, v.n from @schema@.v_job_count v where v.n <> 0
), t as materialized (
    select c.tenant from c group by c.tenant
    order by sum(case when c.status in ('PENDING', 'QUEUED', 'TO_BE_RUN', 'RUNNING') then 10 * c.n else c.n end)
        * case when c.tenant = any($2::text[]) then 2 else 1 end desc, c.tenant
    limit $1::int
), k as materialized (
    select c.class_name from c group by c.class_name order by sum(c.n) desc, c.class_name limit $3::int
)
-- hashed sub-plans: joins would be nested loops in these sessions
select case when c.tenant in (select t.tenant from t) then c.tenant else '_other' end as tenant,
    case when c.class_name in (select k.class_name from k) then c.class_name else '_other' end as class_name,
    c.status, sum(c.n)::bigint as n
from c
group by 1, 2, 3
order by 1, 2, 3;
