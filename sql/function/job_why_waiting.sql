-- The part of job_why that is about PENDING and QUEUED jobs.
-- in: the job's row    out: {"reasons", "estimated_start", "ahead"?}
create or replace function @schema@.job_why_waiting(j @schema@.t_job_info) returns jsonb
language plpgsql stable
set search_path = @schema@, pg_temp
as $$
declare
    date jsonb := case when j.status = 'PENDING' then job_why_pending(j) else '[]' end;
    blocks jsonb := job_why_blocked(j);
    limits jsonb := job_why_limited(j);
    queue jsonb := '[]';
    expiry jsonb := '[]';
    ahead bigint;
    rate float8;
    full_pool jsonb;
    estimate timestamptz;
begin
    if j.status = 'QUEUED' then
        select count(*) into ahead from (
            (select from t_job_ready r where r.lane = j.lane and r.tenant = j.tenant and r.priority > j.priority limit 1001)
            union all
            (select from t_job_ready r where r.lane = j.lane and r.tenant = j.tenant and r.priority = j.priority
                and r.seq < j.ready_seq limit 1001)
            limit 1001) x;
        if ahead > 0 then
            queue := queue || job_why_reason('ahead', format('%s of its tenant %s ahead of it: of higher priority, or queued before',
                case when ahead > 1000 then 'more than 1,000 jobs' when ahead = 1 then '1 job' else ahead || ' jobs' end,
                case when ahead = 1 then 'is' else 'are' end));
        end if;
        full_pool := job_why_pool(j.class_name);
        queue := queue || coalesce(full_pool, '[]');
    end if;
    if j.expiration_date < clock_timestamp() + interval '1 minute' then
        expiry := jsonb_build_array(job_why_reason(
            case when j.expiration_date <= clock_timestamp() then 'expired' else 'expires_soon' end,
            format('it ends FAILED, kind EXPIRED, if it is not chosen before %s', job_why_date(j.expiration_date)), j.expiration_date));
    end if;

    if blocks = '[]' and j.expiration_date <= clock_timestamp() is not true then
        if j.status = 'PENDING' then
            estimate := greatest(j.trigger_after_date, clock_timestamp());
            estimate := case when exists (select from t_job_timer t where t.due = j.trigger_after_date and t.id = j.id) then estimate end;
        elsif ahead = 0 and full_pool is null and limits = '[]' then
            estimate := clock_timestamp();
        elsif ahead <= 1000 then
            rate := job_why_rate(j.tenant, j.lane);
            estimate := clock_timestamp() + (ahead + 1) / rate * interval '1 second';
        end if;
        estimate := case when estimate < coalesce(j.expiration_date, 'infinity') then estimate end;
    end if;
    if j.status = 'QUEUED' and blocks || limits || queue = '[]' then
        queue := jsonb_build_array(job_why_reason('next', 'its turn is next: an instance chooses it within a second or two'));
    end if;
    return jsonb_build_object('reasons', date || blocks || limits || queue || expiry, 'estimated_start', job_why_date(estimate))
        || case when ahead is null then '{}' else jsonb_build_object('ahead', ahead) end;
end
$$;
