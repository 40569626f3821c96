-- Writes jobs that job_create has judged, some of which have ids that were given: those whose id is there already are left out, of
-- the same id twice in one call the second.
-- in:  as job_create_rows; made: null where an id is to be made
-- out: the ids in order
-- Errors: JB007 an id is another tenant's; 40001 it is of a transaction that this one's snapshot does not show
create or replace function @schema@.job_create_given(made uuid[], tenants text[], class_names text[], parameters jsonb[],
    bytes int[], priorities int[], ats timestamptz[], pendings boolean[], expires timestamptz[], descriptions text[],
    owners text[], attempts int[], backoffs interval[], timeouts interval[], related_types text[], related_ids text[],
    lockeds boolean[], traceparents text[])
returns uuid[]
language plpgsql volatile
set search_path = @schema@, pg_temp
as $$
declare
    all_made constant uuid[] := array(select coalesce(u.id, job_uuid())
        from unnest(made, tenants) with ordinality u(id, tenant, n) order by u.n);
    all_tenants constant text[] := tenants;
    fresh boolean[];
begin
    made := all_made;
    for i in 1 .. 10 loop
        fresh := array(select row_number() over (partition by u.id order by u.n) = 1
                and (select true from t_job_info j where j.id = u.id) is null
            from unnest(made) with ordinality u(id, n) order by u.n);
        if false = any(fresh) then
            select array_agg(u.id), array_agg(u.a), array_agg(u.b), array_agg(u.c), array_agg(u.d), array_agg(u.e), array_agg(u.f),
                array_agg(u.g), array_agg(u.h), array_agg(u.i), array_agg(u.j), array_agg(u.k), array_agg(u.l), array_agg(u.m),
                array_agg(u.n), array_agg(u.o), array_agg(u.p), array_agg(u.q)
            into made, tenants, class_names, parameters, bytes, priorities, ats, pendings, expires, descriptions, owners, attempts,
                backoffs, timeouts, related_types, related_ids, lockeds, traceparents
            from (select * from unnest(made, tenants, class_names, parameters, bytes, priorities, ats, pendings, expires,
                    descriptions, owners, attempts, backoffs, timeouts, related_types, related_ids, lockeds, traceparents, fresh)
                with ordinality u(id, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, fresh, at) order by u.at) u
            where u.fresh;
        end if;
        exit when made is null;
        begin
            perform job_create_rows(made, tenants, class_names, parameters, bytes, priorities, ats, pendings, expires,
                descriptions, owners, attempts, backoffs, timeouts, related_types, related_ids, lockeds, traceparents);
            exit;
        exception when unique_violation then -- somebody was faster
            if i = 10 or current_setting('transaction_isolation') <> 'read committed' then
                raise exception using errcode = '40001', message = 'another transaction has used an id that was given, try again';
            end if;
        end;
    end loop;
    if exists (select from unnest(all_tenants, all_made) u(tenant, id)
            where (select j.tenant from t_job_info j where j.id = u.id) <> u.tenant) then
        raise exception using errcode = 'JB007', message = 'an id that was given cannot be used';
    end if;
    return all_made;
end
$$;
