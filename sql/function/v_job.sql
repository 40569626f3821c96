-- The stable face of a job for readers.
create or replace view @schema@.v_job with (security_invoker = true) as
select j.id, j.tenant, j.class_name, j.status, j.priority, j.description, j.owner, j.created_date, j.queued_date,
    j.start_date, j.stop_date, j.status_date, j.expiration_date, j.trigger_after_date, j.percent_completed,
    j.estimated_completion, j.attempt, j.attempt_base, j.max_attempts, j.crashes, j.version, j.instance, j.stop_requested,
    j.result, j.result_class_name, j.error_kind, j.error, j.locked, j.related_type, j.related_id, j.traceparent,
    j.timeout, j.backoff,
    coalesce((select jsonb_object_agg(p.name, p.value) from @schema@.t_job_parameters p where p.job_id = j.id), '{}')
        as parameters
from @schema@.t_job_info j;
