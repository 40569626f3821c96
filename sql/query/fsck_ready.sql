-- Invariant 2: a QUEUED job has exactly one ready row, any other status none; and that row says what the job says.
-- out: findings (tenant, id, text), at most 1000
select coalesce(j.tenant, r.tenant) as tenant, coalesce(j.id, r.id) as id,
    case when j.id is null then 'a ready row of a job that is not there'
        when j.status <> 'QUEUED' then format('%s, but has %s ready row(s)', j.status, r.n)
        when r.n is null then 'QUEUED, but has no ready row: it would never be chosen'
        when r.n > 1 then format('%s ready rows', r.n)
        else 'its ready row has another tenant, lane, priority or seq' end as text
from (select x.id, count(*) as n, min(x.tenant) as tenant, min(x.lane) as lane, min(x.priority) as priority, min(x.seq) as seq
    from @schema@.t_job_ready x group by x.id) r
full join (select x.* from @schema@.t_job_info x
    where x.status = 'QUEUED' or exists (select from @schema@.t_job_ready y where y.id = x.id)) j on j.id = r.id
where j.id is null or j.status <> 'QUEUED' or r.n is distinct from 1
    or (r.tenant, r.lane, r.priority, r.seq) is distinct from (j.tenant, j.lane, j.priority, j.ready_seq)
order by 2 limit 1000;
