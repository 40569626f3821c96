-- Every attempt of a job that began: those that were not the last, and the last one from its job.
create or replace view @schema@.v_job_attempt with (security_invoker = true) as
select a.job_id, a.tenant, a.attempt, a.instance, a.start_date, a.stop_date, a.outcome, a.error_kind, a.error
from @schema@.t_job_attempt a
union all
select j.id, j.tenant, j.attempt, j.instance, j.start_date, j.stop_date, j.status::text, j.error_kind, j.error
from @schema@.t_job_info j
where j.start_date is not null and j.status in ('RUNNING', 'SUCCEEDED', 'FAILED', 'ABORTED')
    and not exists (select from @schema@.t_job_attempt a where a.job_id = j.id and a.attempt = j.attempt);
