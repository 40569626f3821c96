-- Asks a job to stop; durable with the caller's commit. QUEUED and PENDING jobs are ABORTED at once, the owner of a TO_BE_RUN or
-- RUNNING one is told; a final one stays as it is.
-- in:  tenant, id; of_version: do nothing unless the job still has this version (a request that may arrive twice)
-- out: the status after the call
-- Errors: JB001 not the caller's tenant, JB007 job unknown, JB009 the tenant is arriving in a move
-- A loop in which each statement sees fresh data; lock order: ready or timer row, then job row.
create or replace function @schema@.job_stop(tenant text, id uuid, of_version int default null) returns @schema@.job_status
language plpgsql volatile security definer
set search_path = @schema@, pg_temp
as $$
declare
    j record;
    hit record;
begin
    perform job_check_caller(array[tenant]);
    perform set_config('synchronous_commit', 'on', true);
    for i in 1 .. 1000 loop
        select t.xmin, t.status, t.version, t.lane, t.priority, t.ready_seq, t.trigger_after_date, t.stop_requested into j
        from t_job_info t where t.id = job_stop.id and t.tenant = job_stop.tenant;
        if not found then
            raise exception using errcode = 'JB007', message = format('tenant "%s" has no job %s', tenant, id);
        end if;
        perform tenant_arrived(tenant);
        if j.status in ('SUCCEEDED', 'FAILED', 'ABORTED') or j.version <> of_version then
            return j.status;
        end if;
        if j.status in ('TO_BE_RUN', 'RUNNING') then
            if j.stop_requested then
                return j.status;
            end if;
            update t_job_info t set stop_requested = true
            where t.id = job_stop.id and t.version = j.version and t.status in ('TO_BE_RUN', 'RUNNING');
            if found then
                perform pg_notify(current_schema(), 'stop');
                return j.status;
            end if;
            continue;
        end if;
        if j.status = 'QUEUED' then
            delete from t_job_ready r
            where r.lane = j.lane and r.tenant = job_stop.tenant and r.priority = j.priority and r.seq = j.ready_seq
                and r.id = job_stop.id;
            continue when not found; -- somebody was faster: read again
        else
            delete from t_job_timer t where t.due = j.trigger_after_date and t.id = job_stop.id;
        end if;
        update t_job_info t set status = 'ABORTED', version = t.version + 1, status_date = clock_timestamp(),
            stop_date = clock_timestamp(), stop_requested = true, estimated_completion = null
        where t.id = job_stop.id and t.status = j.status
            and case when j.status = 'QUEUED' -- its ready row is ours; it may have been away and come back with its old seq
                then t.ready_seq = j.ready_seq and t.version = coalesce(of_version, t.version)
                else t.xmin = j.xmin end      -- a release may have given it a timer without a new version
        returning t.* into hit;
        if found then
            insert into t_job_failure values (hit.tenant, hit.id) on conflict do nothing;
            perform job_report(array[hit.id], array[hit.tenant], array[hit.class_name], array[j.status::job_status],
                array[null::job_status], array[hit.status], array[hit.version], array[hit.attempt],
                array[hit.percent_completed], array[null::timestamptz], array[hit.status_date],
                array[job_extras(hit.owner, hit.description, hit.related_type, hit.related_id, null, null, null, null, hit.traceparent)]);
            return hit.status;
        end if;
        if j.status = 'QUEUED' then -- not the version that was meant
            raise exception using errcode = '40001', message = format('job %s changed under way, try again', id);
        end if;
    end loop;
    raise exception using errcode = '40001', message = format('job %s keeps changing, try again', id);
end
$$;
