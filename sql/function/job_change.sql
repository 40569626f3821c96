-- Changes the priority or the expiration date of a job that waits (PENDING or QUEUED).
-- in:  tenant, id; priority: null leaves it; of_expires: whether the date is changed; expires: null, never
-- out: the status of the job
-- Errors: JB006 the job does not wait any more, JB007 job unknown, JB009 the tenant is arriving in a move
-- Lock order: ready row, then job row. A new priority takes the job to the end of those that have it: the ready row is deleted and
-- inserted again. Events tell status changes only: none is written, the version stays.
create or replace function @schema@.job_change(tenant text, id uuid, priority int, of_expires boolean, expires timestamptz)
returns @schema@.job_status
language plpgsql volatile
set search_path = @schema@, pg_temp
as $$
declare
    j record;
    moved boolean;
    new_seq bigint;
begin
    perform set_config('synchronous_commit', 'on', true);
    if of_expires and not isfinite(expires) then
        raise exception using errcode = '22023', message = 'expires must be a finite date';
    end if;
    for i in 1 .. 1000 loop
        select t.xmin, t.status, t.version, t.lane, t.priority, t.ready_seq into j
        from t_job_info t where t.id = job_change.id and t.tenant = job_change.tenant;
        if not found then
            raise exception using errcode = 'JB007', message = format('tenant "%s" has no job %s', tenant, id);
        end if;
        perform tenant_arrived(tenant);
        if j.status not in ('PENDING', 'QUEUED') then
            raise exception using errcode = 'JB006',
                message = format('job %s is %s: only a PENDING or QUEUED job can be changed', id, j.status);
        end if;
        moved := j.status = 'QUEUED' and priority <> j.priority;
        new_seq := j.ready_seq;
        if j.status = 'QUEUED' then -- also when it stays where it is: nobody claims it meanwhile
            perform from t_job_ready r
            where r.lane = j.lane and r.tenant = job_change.tenant and r.priority = j.priority and r.seq = j.ready_seq
                and r.id = job_change.id
            for update;
            continue when not found; -- somebody was faster: read again
            if moved then
                delete from t_job_ready r
                where r.lane = j.lane and r.tenant = job_change.tenant and r.priority = j.priority and r.seq = j.ready_seq
                    and r.id = job_change.id;
                new_seq := nextval('t_job_ready_seq_seq');
            end if;
        end if;
        update t_job_info t set priority = coalesce(job_change.priority, t.priority), ready_seq = new_seq,
            expiration_date = case when of_expires then job_change.expires else t.expiration_date end
        where t.id = job_change.id and t.status = j.status
            and case when j.status = 'QUEUED' then t.ready_seq = j.ready_seq else t.xmin = j.xmin end;
        if found then
            if moved then
                insert into t_job_ready (lane, tenant, priority, seq, id) values (j.lane, tenant, priority, new_seq, id);
            end if;
            return j.status;
        end if;
        if moved then -- its ready row is gone already: all of it again
            raise exception using errcode = '40001', message = format('job %s changed under way, try again', id);
        end if;
    end loop;
    raise exception using errcode = '40001', message = format('job %s keeps changing, try again', id);
end
$$;
