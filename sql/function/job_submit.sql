-- Creates one job in the caller's transaction: QUEUED, or PENDING when `pending` or while `at` is in the future.
-- in:  tenant, class_name; parameters: a JSON object up to 1 MiB; priority: higher first; at: not before this date;
--      pending: stored until job_release; expires: FAILED/EXPIRED if not chosen by then; attempts, backoff, timeout:
--      instead of the class's own; locked: kept for ever; id: the same id twice returns the first job
-- out: the job's id
-- Errors: see job_create
-- Does for one what job_create does for many. Most of the time of one submit goes into preparing statements for their run: here
-- they are few, and have no arrays to unnest and no joins.
create or replace function @schema@.job_submit(tenant text, class_name text, parameters jsonb default '{}',
    priority int default 0, at timestamptz default null, pending boolean default false, expires timestamptz default null,
    description text default null, owner text default null, attempts int default null, backoff interval default null,
    timeout interval default null, related_type text default null, related_id text default null,
    locked boolean default false, traceparent text default null, id uuid default null)
returns uuid
language plpgsql volatile security definer
set search_path = @schema@, pg_temp
as $$
#variable_conflict use_variable
declare
    writing xid8;
    state text;
    max_queued int;
    lane text;
    asleep boolean;
    at_now timestamptz;
    status job_status := 'QUEUED';
    seq bigint;
    bytes int := 0;
    fault text;
    extras text;
begin
    if coalesce(nullif(current_setting('role'), 'none'), session_user) <> current_user then
        perform job_check_caller(array[tenant]);
    end if;
    -- A removal or a move of a tenant marks it and then waits for all transactions that were writing by then (tenant_settled). From
    -- here on this is one: what it reads next shows the mark, or it is waited for. With a snapshot that is older it may show none:
    -- then the row is locked, which fails if somebody has changed it since.
    writing := pg_current_xact_id();
    if current_setting('transaction_isolation') <> 'read committed' then
        perform from t_tenant t where t.tenant = job_submit.tenant for key share;
    end if;
    if current_setting('synchronous_commit') <> 'on' then
        perform set_config('synchronous_commit', 'on', true); -- a job that was acknowledged survives any crash
    end if;
    select t.state, t.max_queued, coalesce((select c.lane from t_job_class c where c.class_name = job_submit.class_name), ''),
        (select w.sleepers <> '{}' from t_job_wake w), clock_timestamp(), coalesce(id, job_uuid()),
        nextval('t_job_ready_seq_seq')
    into state, max_queued, lane, asleep, at_now, id, seq
    from t_tenant t where t.tenant = job_submit.tenant;
    if state is null or state = 'MAINTENANCE' or not coalesce(job_class_is_name(class_name), false) or pending
            or parameters is distinct from '{}' or num_nonnulls(at, expires, description, owner, attempts, backoff, timeout,
            related_type, related_id, traceparent) <> 0 then
        bytes := case when parameters <> '{}' then octet_length(parameters::text) else 0 end;
        fault := job_fault(tenant, state, class_name, parameters, bytes, at, expires, description, owner, attempts,
            backoff, timeout, related_type, related_id);
        if fault is not null then
            raise exception using errcode = left(fault, 5), message = substr(fault, 7);
        end if;
        if pending or at > at_now then
            status := 'PENDING';
            seq := null;
        end if;
        traceparent := job_trace(traceparent);
        extras := job_extras(owner, description, related_type, related_id, null, null, null, null, traceparent);
    end if;
    if max_queued is not null then
        perform job_max_queued(tenant, max_queued, 1)
        where not exists (select from t_job_info j where j.id = job_submit.id);
    end if;
    insert into t_job_info (id, tenant, class_name, status, priority, description, owner, created_date, queued_date,
        status_date, expiration_date, trigger_after_date, max_attempts, version, lane, ready_seq, locked, related_type,
        related_id, traceparent, timeout, backoff, parameters_bytes)
    values (id, tenant, class_name, status, coalesce(priority, 0), description, owner, at_now,
        case when seq is not null then at_now end, at_now, expires, at, attempts, 1, lane, seq,
        coalesce(locked, false), related_type, related_id, traceparent, timeout, backoff, bytes)
    on conflict on constraint t_job_info_pkey do nothing;
    if not found then
        perform from t_job_info j where j.id = job_submit.id and j.tenant = job_submit.tenant;
        if not found then
            raise exception using errcode = 'JB007', message = 'an id that was given cannot be used';
        end if;
        return id;
    end if;
    if bytes > 0 then
        insert into t_job_parameters (job_id, name, value) select job_submit.id, e.key, e.value from jsonb_each(parameters) e;
    end if;
    if seq is not null then
        insert into t_job_ready (lane, tenant, priority, seq, id) values (lane, tenant, coalesce(priority, 0), seq, id);
    elsif not coalesce(pending, false) then
        insert into t_job_timer (due, id, tenant) values (at, id, tenant);
    end if;
    insert into t_job_outbox (ids, tenants, class_names, middles, statuses, versions, attempts, percents, middle_dates, dates, extras)
    values (array[id], array[tenant], array[class_name], '{null}', array[status], '{1}', '{0}', '{0}',
        '{null}', array[at_now], array[extras]);
    insert into t_job_count_delta (tenant, class_name, status, n) values (tenant, class_name, status, 1);
    if asleep then
        perform pg_notify(current_schema(), '');
    end if;
    return id;
end
$$;
