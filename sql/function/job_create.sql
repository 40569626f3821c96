-- Creates jobs, all or none, in the caller's transaction. The one place where jobs are made; job_submit and
-- job_submit_many call it.
-- in:  arrays of one length, one element per job; see job_submit for their meaning
-- out: the ids in order. An id that exists already (same tenant) is returned and nothing is created for it
-- Errors: JB001 tenant unknown or not the caller's, JB002 class name, JB003 parameters, JB004 maintenance, JB005 max_queued,
--         JB007 the id is another tenant's, 22023 another value over its limit
create or replace function @schema@.job_create(tenants text[], class_names text[], parameters jsonb[], priorities int[],
    ats timestamptz[], pendings boolean[], expires timestamptz[], descriptions text[], owners text[], attempts int[],
    backoffs interval[], timeouts interval[], related_types text[], related_ids text[], lockeds boolean[],
    traceparents text[], ids uuid[])
returns setof uuid
language plpgsql volatile security definer
set search_path = @schema@, pg_temp
set plan_cache_mode = force_generic_plan -- measured: planned anew a submit takes 0.69 ms, so 0.27
as $$
declare
    bad record;
    waiting bigint;
    created bigint;
    made uuid[];
    outbox bigint;
begin
    perform job_check_caller(tenants);
    perform set_config('synchronous_commit', 'on', true); -- a job that was acknowledged survives any crash

    select x.n, x.tenant, x.class_name, x.code, x.why into bad
    from (select j.n, j.tenant, j.class_name, case
            when t.tenant is null then 'JB001'
            when j.class_name is null or j.class_name !~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$' then 'JB002'
            when j.parameters is null or jsonb_typeof(j.parameters) <> 'object'
                or octet_length(j.parameters::text) > 1048576 then 'JB003'
            when t.state = 'MAINTENANCE' then 'JB004'
            else '22023' end as code, case
            when t.tenant is null then format('tenant %s is unknown here', quote_nullable(left(j.tenant, 80)))
            when j.class_name is null or j.class_name !~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$'
                then format('class name %s is not of the form [A-Za-z0-9][A-Za-z0-9_.-]{0,127}',
                    quote_nullable(left(j.class_name, 80)))
            when j.parameters is null or jsonb_typeof(j.parameters) <> 'object'
                then format('parameters must be a JSON object, not %s', coalesce(jsonb_typeof(j.parameters), 'null'))
            when octet_length(j.parameters::text) > 1048576
                then format('parameters of %s bytes are over the limit of 1 MiB', octet_length(j.parameters::text))
            when t.state = 'MAINTENANCE' then format('tenant "%s" is in maintenance: nothing is taken', j.tenant)
            when octet_length(j.description) > 4096 then 'description is over the limit of 4 KiB'
            when octet_length(j.owner) > 255 then 'owner is over the limit of 255 bytes'
            when octet_length(j.related_type) > 255 then 'related_type is over the limit of 255 bytes'
            when octet_length(j.related_id) > 255 then 'related_id is over the limit of 255 bytes'
            when concat(j.owner, j.related_type, j.related_id) ~ '[[:cntrl:]]'
                then 'owner, related_type and related_id must not hold control characters'
            when j.attempts not between 1 and 1000 then 'attempts must be between 1 and 1000'
            when j.backoff not between interval '0' and interval '365 days' then 'backoff must be between 0 and 365 days'
            when j.timeout not between interval '1 millisecond' and interval '365 days'
                then 'timeout must be between 1 ms and 365 days'
            when not isfinite(j.at) or not isfinite(j.expires) then 'at and expires must be finite dates'
            end as why
        from unnest(tenants, class_names, parameters, descriptions, owners, related_types, related_ids,
                attempts, backoffs, timeouts, ats, expires) with ordinality
            as j(tenant, class_name, parameters, description, owner, related_type, related_id,
                attempts, backoff, timeout, at, expires, n)
        left join t_tenant t on t.tenant = j.tenant) x
    where x.why is not null
    order by x.n limit 1;
    if found then
        raise exception using errcode = bad.code, message = case when cardinality(tenants) > 1
            then format('job %s of %s: %s', bad.n, cardinality(tenants), bad.why) else bad.why end;
    end if;

    for bad in -- no lock: as many as submit at this very moment may pass together
        select t.tenant, t.max_queued, n.n from t_tenant t
        join (select u.tenant, count(*) as n from unnest(tenants, ids) u(tenant, id)
            where u.id is null or not exists (select from t_job_info j where j.id = u.id)
            group by u.tenant) n on n.tenant = t.tenant
        where t.max_queued is not null order by t.tenant
    loop
        select count(*) into waiting from ( -- the backlog itself is never counted; ordered, so that it is read by the index
            select from (select '' as lane union select k.lane from t_job_class k) l
            cross join lateral (select from t_job_ready r where r.lane = l.lane and r.tenant = bad.tenant
                order by r.priority desc, r.seq limit bad.max_queued + 1) r
            limit bad.max_queued + 1) x;
        if waiting + bad.n > bad.max_queued then
            raise exception using errcode = 'JB005', message = format('tenant "%s" has %s jobs queued, its limit max_queued is %s',
                bad.tenant, case when waiting > bad.max_queued then 'more than ' || bad.max_queued else waiting::text end,
                bad.max_queued);
        end if;
    end loop;

    with given as materialized (
        select j.*, coalesce(j.given_id, job_uuid()) as id, coalesce(c.lane, '') as lane,
            case when j.pending or j.at > clock_timestamp() then 'PENDING' else 'QUEUED' end::job_status as status,
            -- W3C Trace Context: what is none is ignored, since nobody's work is to fail for it
            case when j.traceparent ~
                '^(00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$|(?!00|ff)[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[0-9a-z-]{0,199})?$)'
                and j.traceparent !~ '^..-(0{32}|.{32}-0{16})' then j.traceparent end as trace
        from unnest(tenants, class_names, parameters, priorities, ats, pendings, expires, descriptions, owners, attempts,
                backoffs, timeouts, related_types, related_ids, lockeds, traceparents, ids) with ordinality
            as j(tenant, class_name, parameters, priority, at, pending, expires, description, owner, attempts,
                backoff, timeout, related_type, related_id, locked, traceparent, given_id, n)
        left join t_job_class c on c.class_name = j.class_name
        order by j.n
    ), n as materialized (
        select g.*, case when g.status = 'QUEUED' then nextval('t_job_ready_seq_seq') end as seq from given g
    ), i as (
        insert into t_job_info (id, tenant, class_name, status, priority, description, owner, queued_date,
            expiration_date, trigger_after_date, max_attempts, version, lane, ready_seq, locked, related_type, related_id,
            traceparent, timeout, backoff, parameters_bytes)
        select n.id, n.tenant, n.class_name, n.status, coalesce(n.priority, 0), n.description, n.owner,
            case when n.status = 'QUEUED' then clock_timestamp() end, n.expires, n.at, n.attempts, 1, n.lane, n.seq,
            coalesce(n.locked, false), n.related_type, n.related_id, n.trace, n.timeout, n.backoff,
            case when n.parameters = '{}' then 0 else octet_length(n.parameters::text) end
        from n order by n.n
        on conflict (id) do nothing
        returning id, status_date
    ), first as materialized ( -- the same id twice in one call: the first one counts
        select distinct on (n.id) n.*, i.status_date from i join n on n.id = i.id
        order by n.id, n.n
    ), p as (
        insert into t_job_parameters (job_id, name, value)
        select f.id, e.key, e.value from first f cross join lateral jsonb_each(f.parameters) e
    ), r as (
        insert into t_job_ready (lane, tenant, priority, seq, id)
        select f.lane, f.tenant, coalesce(f.priority, 0), f.seq, f.id from first f where f.status = 'QUEUED' order by f.n
    ), t as (
        insert into t_job_timer (due, id, tenant)
        select f.at, f.id, f.tenant from first f where f.status = 'PENDING' and not coalesce(f.pending, false)
    ), report as (
        select count(*) as n, job_report(array_agg(f.id), array_agg(f.tenant), array_agg(f.class_name),
            array_agg(null::job_status), array_agg(null::job_status), array_agg(f.status), array_agg(1),
            array_agg(0), array_agg(0), array_agg(null::timestamptz), array_agg(f.status_date),
            array_agg(job_extras(f.owner, f.description, f.related_type, f.related_id, null, null, null, null, f.trace))) as outbox
        from first f
    )
    -- outbox is asked for: a SELECT in WITH that nobody reads is not carried out
    select array_agg(n.id order by n.n), max(report.n), max(report.outbox) into made, created, outbox from n, report;

    if created < cardinality(made) then
        perform from unnest(tenants, made) u(tenant, id)
        join t_job_info j on j.id = u.id where j.tenant <> u.tenant;
        if found then
            raise exception using errcode = 'JB007', message = 'an id that was given cannot be used';
        end if;
    end if;
    -- A removal or a move of a tenant marks it and then waits for all transactions that were writing by then. This one writes by now:
    -- either it is waited for, or it sees the mark here. (With a snapshot that is older it sees nothing: the lock then fails.)
    if current_setting('transaction_isolation') <> 'read committed' then
        perform from t_tenant t where t.tenant = any(tenants) order by t.tenant for key share;
    end if;
    select u.tenant, t.state into bad from unnest(tenants) u(tenant) left join t_tenant t on t.tenant = u.tenant
    where t.tenant is null or t.state = 'MAINTENANCE' limit 1;
    if found then
        raise exception using errcode = case when bad.state is null then 'JB001' else 'JB004' end,
            message = case when bad.state is null then format('tenant %s is unknown here', quote_nullable(left(bad.tenant, 80)))
                else format('tenant "%s" is in maintenance: nothing is taken', bad.tenant) end;
    end if;
    if created > 0 and exists (select from t_job_wake where sleepers <> '{}') then
        perform pg_notify(current_schema(), '');
    end if;
    return query select unnest(made);
end
$$;
