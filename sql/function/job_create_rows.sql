-- Writes jobs that job_create has judged: rows, outbox, counts. Statement by statement, each with the arrays that it needs: nothing
-- is kept for a second use. Arrays are unnested side by side in the list of what is selected, where null ones cost nothing and no
-- row is put aside first, as it would be after FROM.
-- in: made: their ids; bytes: of the parameters; the others as job_create
-- Errors: 23505 an id is there
create or replace function @schema@.job_create_rows(made uuid[], tenants text[], class_names text[], parameters jsonb[],
    bytes int[], priorities int[], ats timestamptz[], pendings boolean[], expires timestamptz[], descriptions text[],
    owners text[], attempts int[], backoffs interval[], timeouts interval[], related_types text[], related_ids text[],
    lockeds boolean[], traceparents text[])
returns void
language plpgsql volatile
set search_path = @schema@, pg_temp
as $$
declare
    n constant int := cardinality(made);
    at_now constant timestamptz := clock_timestamp();
    statuses job_status[]; -- this and the next two: null while usual
    lanes text[];
    extras text[];
    seqs bigint[];
begin
    if true = any(pendings) or at_now < any(ats) then
        statuses := array(select case when u.pending or u.at > at_now then 'PENDING' else 'QUEUED' end::job_status
            from unnest(made, pendings, ats) with ordinality u(id, pending, at, n) order by u.n);
    end if;
    if exists (select from t_job_class k where k.lane <> '') then
        lanes := array(select (select k.lane from t_job_class k where k.class_name = u.class_name)
            from unnest(class_names) with ordinality u(class_name, n) order by u.n);
    end if;
    if num_nonnulls(descriptions, owners, related_types, related_ids, traceparents) > 0 then
        extras := array(select job_extras(u.owner, u.description, u.related_type, u.related_id, null, null, null, null,
                job_trace(u.traceparent))
            from unnest(made, owners, descriptions, related_types, related_ids, traceparents) with ordinality
                u(id, owner, description, related_type, related_id, traceparent, n) order by u.n);
    end if;
    seqs := array(select case when u.s is distinct from 'PENDING' then nextval('t_job_ready_seq_seq') end
        from (select generate_series(1, n), unnest(statuses) as s) u);

    insert into t_job_info (id, tenant, class_name, status, priority, description, owner, created_date, queued_date, status_date,
        expiration_date, trigger_after_date, max_attempts, version, lane, ready_seq, locked, related_type, related_id,
        traceparent, timeout, backoff, parameters_bytes)
    select j.id, j.tenant, j.class_name, coalesce(j.status, 'QUEUED'), coalesce(j.priority, 0), j.description, j.owner, at_now,
        case when j.seq is not null then at_now end, at_now, j.expires, j.at, j.attempts, 1, coalesce(j.lane, ''), j.seq,
        coalesce(j.locked, false), j.related_type, j.related_id, job_trace(j.traceparent), j.timeout, j.backoff,
        coalesce(j.bytes, 0)
    from (select unnest(made) as id, unnest(tenants) as tenant, unnest(class_names) as class_name, unnest(statuses) as status,
            unnest(priorities) as priority, unnest(descriptions) as description, unnest(owners) as owner,
            unnest(expires) as expires, unnest(ats) as at, unnest(attempts) as attempts, unnest(lanes) as lane,
            unnest(seqs) as seq, unnest(lockeds) as locked, unnest(related_types) as related_type,
            unnest(related_ids) as related_id, unnest(traceparents) as traceparent, unnest(timeouts) as timeout,
            unnest(backoffs) as backoff, unnest(bytes) as bytes) j;
    if 0 < any(bytes) then
        insert into t_job_parameters (job_id, name, value)
        select u.id, e.key, e.value from unnest(made, parameters) u(id, parameters) cross join lateral jsonb_each(u.parameters) e;
    end if;
    insert into t_job_ready (lane, tenant, priority, seq, id)
    select coalesce(u.lane, ''), u.tenant, coalesce(u.priority, 0), u.seq, u.id
    from (select unnest(made) as id, unnest(tenants) as tenant, unnest(seqs) as seq, unnest(priorities) as priority,
            unnest(lanes) as lane) u
    where u.seq is not null;
    if statuses is not null then
        insert into t_job_timer (due, id, tenant)
        select u.at, u.id, u.tenant from unnest(ats, made, tenants, statuses, pendings) u(at, id, tenant, status, pending)
        where u.status = 'PENDING' and not coalesce(u.pending, false);
    end if;

    insert into t_job_outbox (ids, tenants, class_names, middles, statuses, versions, attempts, percents, middle_dates, dates, extras)
    values (made, tenants, class_names, array_fill(null::job_status, array[n]),
        coalesce(statuses, array_fill('QUEUED'::job_status, array[n])), array_fill(1, array[n]), array_fill(0, array[n]),
        array_fill(0, array[n]), array_fill(null::timestamptz, array[n]), array_fill(at_now, array[n]),
        coalesce(extras, array_fill(null::text, array[n])));
    insert into t_job_count_delta (tenant, class_name, status, n)
    select u.tenant, u.class_name, coalesce(u.status, 'QUEUED'), count(*)
    from (select unnest(tenants) as tenant, unnest(class_names) as class_name, unnest(statuses) as status) u group by 1, 2, 3;
end
$$;
