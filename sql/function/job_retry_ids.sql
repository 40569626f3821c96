-- Queues jobs again that are FAILED or ABORTED: the one place where that is done; job_retry and job_retry_many call it. Their
-- attempts are counted anew, attempt and version go on. An expiration date that has passed is dropped, or the job would only
-- expire again. Their rows must be locked by the caller.
-- in: ids    out: how many; those in another status are left
create or replace function @schema@.job_retry_ids(ids uuid[]) returns int
language plpgsql volatile
set search_path = @schema@, pg_temp
as $$
declare
    ret int;
    outbox bigint;
begin
    with k as materialized (
        select j.*, row_number() over (order by j.id) as n from t_job_info j
        where j.id = any(ids) and j.status in ('FAILED', 'ABORTED')
    ), attempt as ( -- it is no longer the last attempt
        insert into t_job_attempt (job_id, attempt, tenant, instance, start_date, stop_date, outcome, error_kind, error)
        select k.id, k.attempt, k.tenant, k.instance, k.start_date, k.stop_date, k.status::text, k.error_kind, k.error
        from k where k.start_date is not null
        on conflict do nothing
    ), failure as (
        delete from t_job_failure f using k where f.tenant = k.tenant and f.id = k.id
    ), seq as materialized (
        select o.id, nextval('t_job_ready_seq_seq') as seq from (select k.id from k order by k.n) o
    ), u as (
        update t_job_info j set status = 'QUEUED', version = j.version + 1, status_date = clock_timestamp(),
            queued_date = clock_timestamp(), ready_seq = seq.seq, attempt_base = j.attempt, crashes = 0, suspect = false,
            stop_requested = false, start_date = null, stop_date = null, percent_completed = 0, instance = null,
            trigger_after_date = null, result = null, result_class_name = null, error_kind = null, error = null,
            expiration_date = case when j.expiration_date > clock_timestamp() then j.expiration_date end
        from k join seq on seq.id = k.id
        where j.id = k.id and j.version = k.version
        returning j.*, k.status as before
    ), ready as (
        insert into t_job_ready (lane, tenant, priority, seq, id)
        select u.lane, u.tenant, u.priority, u.ready_seq, u.id from u order by u.ready_seq
    ), report as materialized (
        select count(*) as n, job_report(array_agg(u.id), array_agg(u.tenant), array_agg(u.class_name), array_agg(u.before),
            array_agg(null::job_status), array_agg(u.status), array_agg(u.version), array_agg(u.attempt),
            array_agg(u.percent_completed), array_agg(null::timestamptz), array_agg(u.status_date),
            array_agg(job_extras(u.owner, u.description, u.related_type, u.related_id, null, null, null, null, u.traceparent))) as outbox
        from u
    )
    -- outbox is asked for: a SELECT in WITH that nobody reads is not carried out
    select report.n, report.outbox into ret, outbox from report;
    if ret > 0 and exists (select from t_job_wake where sleepers <> '{}') then
        perform pg_notify(current_schema(), '');
    end if;
    return ret;
end
$$;
