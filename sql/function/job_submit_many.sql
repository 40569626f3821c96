-- Creates many jobs of one tenant, all or none, in the caller's transaction and in the order of the array.
-- in:  jobs: JSON array of objects with "class_name" and the options of job_submit under their names
-- out: the ids in order
-- Errors: see job_create; 22023 for an array that is none and for an unknown option
create or replace function @schema@.job_submit_many(tenant text, jobs jsonb) returns setof uuid
language plpgsql volatile
set search_path = @schema@, pg_temp
as $$
declare
    unknown text;
begin
    if jobs is null or jsonb_typeof(jobs) <> 'array' then
        raise exception using errcode = '22023', message = 'jobs must be a JSON array of objects';
    end if;
    if exists (select from jsonb_array_elements(jobs) e where jsonb_typeof(e) <> 'object') then
        raise exception using errcode = '22023', message = 'jobs must hold JSON objects only';
    end if;
    select k into unknown from jsonb_array_elements(jobs) e cross join lateral jsonb_object_keys(e) k
    where k <> all ('{class_name,parameters,priority,at,pending,expires,description,owner,attempts,backoff,timeout,related_type,related_id,locked,traceparent,id}')
    limit 1;
    if found then
        raise exception using errcode = '22023', message = format('unknown option "%s"', left(unknown, 80));
    end if;
    return query select c.* from (
        select array_agg(job_submit_many.tenant order by j.n) a, array_agg(j.class_name order by j.n) b,
            case when count(j.parameters) > 0 then array_agg(coalesce(j.parameters, '{}') order by j.n) end c,
            case when count(j.priority) > 0 then array_agg(j.priority order by j.n) end d,
            case when count(j.at) > 0 then array_agg(j.at order by j.n) end e,
            case when count(j.pending) > 0 then array_agg(j.pending order by j.n) end f,
            case when count(j.expires) > 0 then array_agg(j.expires order by j.n) end g,
            case when count(j.description) > 0 then array_agg(j.description order by j.n) end h,
            case when count(j.owner) > 0 then array_agg(j.owner order by j.n) end i,
            case when count(j.attempts) > 0 then array_agg(j.attempts order by j.n) end k,
            case when count(j.backoff) > 0 then array_agg(j.backoff order by j.n) end l,
            case when count(j.timeout) > 0 then array_agg(j.timeout order by j.n) end m,
            case when count(j.related_type) > 0 then array_agg(j.related_type order by j.n) end o,
            case when count(j.related_id) > 0 then array_agg(j.related_id order by j.n) end p,
            case when count(j.locked) > 0 then array_agg(j.locked order by j.n) end q,
            case when count(j.traceparent) > 0 then array_agg(j.traceparent order by j.n) end r,
            case when count(j.id) > 0 then array_agg(j.id order by j.n) end s
        from rows from (jsonb_to_recordset(jobs) as (class_name text, parameters jsonb, priority int, at timestamptz,
            pending boolean, expires timestamptz, description text, owner text, attempts int, backoff interval,
            timeout interval, related_type text, related_id text, locked boolean, traceparent text, id uuid))
            with ordinality as j(class_name, parameters, priority, at, pending, expires, description, owner, attempts,
            backoff, timeout, related_type, related_id, locked, traceparent, id, n)
        having count(*) > 0) x
    cross join lateral job_create(x.a, x.b, x.c, x.d, x.e, x.f, x.g, x.h, x.i, x.k, x.l, x.m, x.o, x.p, x.q, x.r, x.s) c;
end
$$;
