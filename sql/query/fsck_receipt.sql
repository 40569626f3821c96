-- Invariant 3: a TO_BE_RUN or RUNNING job is on a receipt of its instance, of its tenant; and that instance is there.
-- out: findings (tenant, id, text), at most 1000
select j.tenant, j.id,
    case when r.id is null then format('%s, but on no receipt of instance %s', j.status, coalesce(j.instance::text, '(none)'))
        else format('%s, but instance %s is not there', j.status, j.instance) end as text
from @schema@.t_job_info j
left join (select distinct u.id, c.instance, c.tenant from @schema@.t_job_claim c cross join lateral unnest(c.ids) u(id)) r
    on r.id = j.id and r.instance = j.instance and r.tenant = j.tenant
left join @schema@.t_job_instance i on i.id = j.instance
where j.status in ('TO_BE_RUN', 'RUNNING') and (r.id is null or i.id is null)
order by 2 limit 1000;
