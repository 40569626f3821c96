-- Creates jobs, all or none, in the caller's transaction: judges them and has job_create_rows write them. All submits of more than
-- one job end here; one alone is made by job_submit.
-- in:  arrays of one length, one element per job; see job_submit for their meaning. Those after class_names may be null or empty:
--      not given for any, which costs nothing
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
    n constant int := coalesce(cardinality(tenants), 0);
    start constant bigint := date_part('epoch', clock_timestamp()) * 1000000;
    random constant bigint := uuid_hash_extended(gen_random_uuid(), 0);
    writing xid8;
    bytes int[];
    suspect boolean;
    limited boolean;
    asleep boolean;
    bad record;
    made uuid[];
begin
    if n = 0 then
        return;
    elsif n = 1 and cardinality(class_names) = 1 then
        return next job_submit(tenants[1], class_names[1], case when cardinality(parameters) > 0 then parameters[1] else '{}' end,
            priorities[1], ats[1], pendings[1], expires[1], descriptions[1], owners[1], attempts[1], backoffs[1], timeouts[1],
            related_types[1], related_ids[1], lockeds[1], traceparents[1], ids[1]);
        return;
    elsif (array_ndims(tenants), array_ndims(class_names), array_lower(tenants, 1), array_lower(class_names, 1),
            cardinality(class_names)) is distinct from (1, 1, 1, 1, n) then -- they go into the outbox as they are
        raise exception using errcode = '22023', message = 'tenants and class_names must be arrays of one length';
    end if;
    perform job_check_caller(tenants);
    perform set_config('synchronous_commit', 'on', true); -- a job that was acknowledged survives any crash
    writing := pg_current_xact_id(); -- before it looks at the tenants: see job_submit
    if current_setting('transaction_isolation') <> 'read committed' then
        perform from t_tenant t where t.tenant = any(tenants) order by t.tenant for key share;
    end if;

    -- Judged as a whole where nothing but classes and parameters are given; else, and when that finds something, one by one.
    if cardinality(parameters) > 0 then
        bytes := array(select case when u.p = '{}' then 0 else octet_length(u.p::text) end
            from unnest(parameters) with ordinality u(p, n) order by u.n);
    end if;
    select bool_or(t.tenant is null or t.state = 'MAINTENANCE')
            or exists (select from (select distinct c from unnest(class_names) c) x
                where not coalesce(job_class_is_name(x.c), false))
            or exists (select from unnest(parameters) p where p is null or jsonb_typeof(p) <> 'object')
            or coalesce(1048576 < any(bytes), false),
        bool_or(t.max_queued is not null), (select w.sleepers <> '{}' from t_job_wake w)
    into suspect, limited, asleep
    from (select distinct u.tenant from unnest(tenants) u(tenant)) x left join t_tenant t on t.tenant = x.tenant;
    if suspect or num_nonnulls(ats, expires, descriptions, owners, attempts, backoffs, timeouts, related_types, related_ids) > 0 then
        select f.n, f.fault into bad
        from (select j.n, job_fault(j.tenant, t.state, j.class_name, case when cardinality(job_create.parameters) > 0 then j.parameters
                    else '{}' end, j.bytes, j.at, j.expires, j.description, j.owner, j.attempts, j.backoff, j.timeout,
                    j.related_type, j.related_id) as fault
            from unnest(tenants, class_names, parameters, bytes, ats, expires, descriptions, owners, attempts, backoffs, timeouts,
                    related_types, related_ids) with ordinality
                as j(tenant, class_name, parameters, bytes, at, expires, description, owner, attempts, backoff, timeout,
                    related_type, related_id, n)
            left join t_tenant t on t.tenant = j.tenant offset 0) f
        where f.fault is not null
        order by f.n limit 1;
        if found then
            raise exception using errcode = left(bad.fault, 5),
                message = format('job %s of %s: %s', bad.n, n, substr(bad.fault, 7));
        end if;
    end if;
    if limited then
        perform job_max_queued(t.tenant, t.max_queued, x.n)
        from (select u.tenant, count(*) as n from unnest(tenants, ids) u(tenant, id)
            where u.id is null or (select true from t_job_info j where j.id = u.id) is null
            group by u.tenant) x
        join t_tenant t on t.tenant = x.tenant
        where t.max_queued is not null;
    end if;

    if array_remove(ids, null) <> '{}' then
        made := job_create_given(ids, tenants, class_names, parameters, bytes, priorities, ats, pendings, expires, descriptions,
            owners, attempts, backoffs, timeouts, related_types, related_ids, lockeds, traceparents);
    else
        made := array(select job_uuid_at(start + u, hashint8extended(u, random)) from generate_series(1, n) u);
        perform job_create_rows(made, tenants, class_names, parameters, bytes, priorities, ats, pendings, expires, descriptions,
            owners, attempts, backoffs, timeouts, related_types, related_ids, lockeds, traceparents);
    end if;
    if asleep then
        perform pg_notify(current_schema(), '');
    end if;
    return query select unnest(made);
end
$$;
