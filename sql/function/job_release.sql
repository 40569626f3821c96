-- Lets a PENDING job go: QUEUED now; or, when it was stored as pending with a date that is still to come, PENDING until then.
-- A job that waits for its date (a trigger date, back-off or snooze) is queued at once.
-- in: tenant, id    out: the status after the call
-- xmin stands for the row as it was read: a release that only sets the timer changes no version.
-- Errors: JB001 not the caller's tenant, JB006 the job is not PENDING, JB007 job unknown, JB009 the tenant is arriving in a move
create or replace function @schema@.job_release(tenant text, id uuid) returns @schema@.job_status
language plpgsql volatile security definer
set search_path = @schema@, pg_temp
as $$
declare
    j record;
    hit record;
    timed boolean;
begin
    perform job_check_caller(array[tenant]);
    perform set_config('synchronous_commit', 'on', true);
    for i in 1 .. 1000 loop
        select t.xmin, t.status, t.trigger_after_date into j
        from t_job_info t where t.id = job_release.id and t.tenant = job_release.tenant;
        if not found then
            raise exception using errcode = 'JB007', message = format('tenant "%s" has no job %s', tenant, id);
        end if;
        perform tenant_arrived(tenant);
        if j.status <> 'PENDING' then
            raise exception using errcode = 'JB006',
                message = format('job %s is %s: only a PENDING job can be released', id, j.status);
        end if;
        delete from t_job_timer t where t.due = j.trigger_after_date and t.id = job_release.id;
        timed := found;
        if not timed and j.trigger_after_date > clock_timestamp() then
            update t_job_info t set status_date = t.status_date -- a new row version for those who have read the old one
            where t.id = job_release.id and t.xmin = j.xmin and t.status = 'PENDING';
            continue when not found;
            insert into t_job_timer (due, id, tenant) values (j.trigger_after_date, id, tenant);
        else
            update t_job_info t set status = 'QUEUED', version = t.version + 1, status_date = clock_timestamp(),
                queued_date = clock_timestamp(), ready_seq = nextval('t_job_ready_seq_seq')
            where t.id = job_release.id and t.xmin = j.xmin and t.status = 'PENDING'
            returning t.* into hit;
            continue when not found;
            insert into t_job_ready (lane, tenant, priority, seq, id)
            values (hit.lane, hit.tenant, hit.priority, hit.ready_seq, hit.id);
            perform job_report(array[hit.id], array[hit.tenant], array[hit.class_name], array[j.status::job_status],
                array[null::job_status], array[hit.status], array[hit.version], array[hit.attempt],
                array[hit.percent_completed], array[null::timestamptz], array[hit.status_date],
                array[job_extras(hit.owner, hit.description, hit.related_type, hit.related_id, null, null, null, null, hit.traceparent)]);
            j.status := hit.status;
        end if;
        if exists (select from t_job_wake where sleepers <> '{}') then
            perform pg_notify(current_schema(), '');
        end if;
        return j.status;
    end loop;
    raise exception using errcode = '40001', message = format('job %s keeps changing, try again', id);
end
$$;
