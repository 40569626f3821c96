-- How many jobs of a tenant end in a second, about: of the 500 that were submitted before the one at the head of its queue those that
-- ended within the last minute, by the time since the first of them. (No index knows when jobs ended; in a queue that is worked
-- through in order these are its neighbours.)
-- in: tenant, lane    out: jobs per second; null: fewer than two ended
create or replace function @schema@.job_why_rate(tenant text, lane text) returns float8
language plpgsql stable
set search_path = @schema@, pg_temp
as $$
declare
    head uuid;
    ret float8;
begin
    select r.id into head from t_job_ready r where r.lane = job_why_rate.lane and r.tenant = job_why_rate.tenant
    order by r.priority desc, r.seq limit 1;
    select case when count(*) > 1 then (count(*) - 1) / greatest(0.001, extract(epoch from clock_timestamp() - min(x.stop_date))) end
    into ret from (
        select j.stop_date from t_job_info j
        where j.tenant = job_why_rate.tenant and j.id < head
            and (job_why_rate.lane = '' or j.class_name = job_why_rate.lane)
        order by j.id desc limit 500) x
    where x.stop_date > clock_timestamp() - interval '1 minute';
    return ret;
end
$$;
