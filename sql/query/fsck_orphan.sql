-- Parameters, attempts and logs without their job, jobs without their tenant.
-- out: findings (tenant, id, text), at most 1000
select x.tenant, x.id, x.text
from (
    select distinct null::text as tenant, p.job_id as id, 'parameters of a job that is not there' as text
    from @schema@.t_job_parameters p
    where not exists (select from @schema@.t_job_info j where j.id = p.job_id)
    union all
    select distinct a.tenant, a.job_id, 'attempts of a job that is not there'
    from @schema@.t_job_attempt a
    where not exists (select from @schema@.t_job_info j where j.id = a.job_id)
    union all
    select distinct null::text, l.job_id, 'logs of a job that is not there'
    from @schema@.t_job_log l
    where not exists (select from @schema@.t_job_info j where j.id = l.job_id)
    union all
    select j.tenant, j.id, 'a job of a tenant that is not there'
    from @schema@.t_job_info j
    where not exists (select from @schema@.t_tenant t where t.tenant = j.tenant)) x
order by x.id limit 1000;
