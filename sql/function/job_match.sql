-- The next jobs of a tenant that a filter means: what job_stop_many and job_retry_many walk over. Nothing is locked.
-- in:  tenant; filter: JSON object, every member narrows: class_name, status (one or an array), owner, related_type, related_id,
--      error_kind, older_than and newer_than (durations since the job was created); may_be: the statuses that can be meant at
--      all; go on after this id (null: from the start); most: how many jobs to find at most
-- out: ids: found, in order; last: the id to go on after, null when the end was reached. A call looks at no more than 5000 jobs
--      beside those found, so that it takes a bounded time
-- Errors: JB001 tenant unknown, JB009 it is arriving in a move, 22023 unknown member or a status that cannot be, class 22 for other bad values
create or replace function @schema@.job_match(tenant text, filter jsonb, may_be @schema@.job_status[], after uuid, most int,
    out ids uuid[], out last uuid)
language plpgsql volatile
set search_path = @schema@, pg_temp
as $$
declare
    looked int := greatest(most, 5000);
    bad text;
    f record;
    wanted job_status[];
    w uuid[];
begin
    if filter is null or jsonb_typeof(filter) <> 'object' then
        raise exception using errcode = '22023', message = 'the filter must be a JSON object';
    end if;
    if most is null or most not between 1 and 10000 then
        raise exception using errcode = '22023', message = 'most must be between 1 and 10000';
    end if;
    select k into bad from jsonb_object_keys(filter) k
    where k <> all ('{class_name,status,owner,related_type,related_id,error_kind,older_than,newer_than}') limit 1;
    if found then
        raise exception using errcode = '22023', message = format('unknown filter "%s"', left(bad, 80));
    end if;
    perform from t_tenant t where t.tenant = job_match.tenant;
    if not found then
        raise exception using errcode = 'JB001', message = format('tenant %s is unknown here', quote_nullable(left(tenant, 80)));
    end if;
    perform tenant_arrived(tenant);
    select x.* into f from jsonb_to_record(filter) x(class_name text, status jsonb, owner text, related_type text,
        related_id text, error_kind text, older_than interval, newer_than interval);
    wanted := case jsonb_typeof(f.status) when 'array' then array(select jsonb_array_elements_text(f.status))::job_status[]
        when 'string' then array[f.status #>> '{}']::job_status[] else may_be end;
    if not wanted <@ may_be then
        raise exception using errcode = '22023', message = format('only jobs that are %s can be meant here',
            array_to_string(may_be, ', '));
    end if;

    after := coalesce(after, '00000000-0000-0000-0000-000000000000');
    if may_be <@ '{FAILED,ABORTED}' then
        w := array(select t.id from t_job_failure t where t.tenant = job_match.tenant and t.id > after order by t.id limit looked);
    elsif f.class_name is not null then
        w := array(select t.id from t_job_info t where t.tenant = job_match.tenant and t.class_name = f.class_name
            and t.id > after order by t.id limit looked);
    else
        w := array(select t.id from t_job_info t where t.tenant = job_match.tenant and t.id > after order by t.id limit looked);
    end if;
    ids := array(select j.id from t_job_info j
        where j.id = any(w) and j.tenant = job_match.tenant and j.status = any(wanted)
            and (f.class_name is null or j.class_name = f.class_name)
            and (f.owner is null or j.owner = f.owner)
            and (f.related_type is null or j.related_type = f.related_type)
            and (f.related_id is null or j.related_id = f.related_id)
            and (f.error_kind is null or j.error_kind = f.error_kind)
            and (f.older_than is null or j.created_date < clock_timestamp() - f.older_than)
            and (f.newer_than is null or j.created_date >= clock_timestamp() - f.newer_than)
        order by j.id limit most);
    last := case when cardinality(ids) = most then ids[most] when cardinality(w) = looked then w[looked] end;
end
$$;
