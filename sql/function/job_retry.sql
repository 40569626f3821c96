-- Queues a FAILED or ABORTED job again: its attempts are counted anew, attempt and version go on. An expiration date that has
-- passed is dropped, or the job would only expire again.
-- in: tenant, id    out: the status after the call
-- Errors: JB004 maintenance, JB006 the job is not FAILED or ABORTED, JB007 job unknown
create or replace function @schema@.job_retry(tenant text, id uuid) returns @schema@.job_status
language plpgsql volatile
set search_path = @schema@, pg_temp
as $$
declare
    j record;
    hit record;
begin
    perform set_config('synchronous_commit', 'on', true);
    perform from t_tenant t where t.tenant = job_retry.tenant and t.state = 'MAINTENANCE';
    if found then
        raise exception using errcode = 'JB004', message = format('tenant "%s" is in maintenance: nothing is taken', tenant);
    end if;
    select t.* into j from t_job_info t where t.id = job_retry.id and t.tenant = job_retry.tenant for no key update;
    if not found then
        raise exception using errcode = 'JB007', message = format('tenant "%s" has no job %s', tenant, id);
    end if;
    if j.status not in ('FAILED', 'ABORTED') then
        raise exception using errcode = 'JB006',
            message = format('job %s is %s: only a FAILED or ABORTED job can be tried again', id, j.status);
    end if;
    if j.start_date is not null then -- it is no longer the last attempt
        insert into t_job_attempt (job_id, attempt, tenant, instance, start_date, stop_date, outcome, error_kind, error)
        values (j.id, j.attempt, j.tenant, j.instance, j.start_date, j.stop_date, j.status::text, j.error_kind, j.error)
        on conflict do nothing;
    end if;
    delete from t_job_failure f where f.tenant = j.tenant and f.id = j.id;
    update t_job_info t set status = 'QUEUED', version = t.version + 1, status_date = clock_timestamp(),
        queued_date = clock_timestamp(), ready_seq = nextval('t_job_ready_seq_seq'), attempt_base = t.attempt, crashes = 0,
        suspect = false, stop_requested = false, start_date = null, stop_date = null, percent_completed = 0,
        instance = null, trigger_after_date = null, result = null, result_class_name = null, error_kind = null, error = null,
        expiration_date = case when t.expiration_date > clock_timestamp() then t.expiration_date end
    where t.id = j.id and t.version = j.version
    returning t.* into hit;
    insert into t_job_ready (lane, tenant, priority, seq, id)
    values (hit.lane, hit.tenant, hit.priority, hit.ready_seq, hit.id);
    perform job_report(array[hit.id], array[hit.tenant], array[hit.class_name], array[j.status::job_status],
        array[null::job_status], array[hit.status], array[hit.version], array[hit.attempt], array[0],
        array[null::timestamptz], array[hit.status_date],
        array[job_extras(hit.owner, hit.description, hit.related_type, hit.related_id, null, null, null, null)]);
    if exists (select from t_job_wake where sleepers <> '{}') then
        perform pg_notify(current_schema(), '');
    end if;
    return hit.status;
end
$$;
