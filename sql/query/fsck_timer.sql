-- A timer is of a PENDING job and has its date (those of a tenant that is just arriving in a move have none yet).
-- out: findings (tenant, id, text), at most 1000
select t.tenant, t.id,
    case when j.id is null then 'a timer of a job that is not there'
        when j.status <> 'PENDING' then format('%s, but has a timer', j.status)
        else 'its timer has another tenant or date' end as text
from @schema@.t_job_timer t left join @schema@.t_job_info j on j.id = t.id
where j.id is null or j.status <> 'PENDING' or j.tenant <> t.tenant or (j.trigger_after_date is distinct from t.due
    and not (t.due = 'infinity' and exists (select from @schema@.t_tenant n where n.tenant = t.tenant and n.settings ? 'move')))
order by 2 limit 1000;
