-- Refuses more jobs than a tenant may have queued. No lock: as many as submit at this very moment may pass together.
-- in: tenant; most: its max_queued; more: how many are to be added    Errors: JB005
create or replace function @schema@.job_max_queued(tenant text, most int, more bigint) returns void
language plpgsql stable
set search_path = @schema@, pg_temp
as $$
declare
    waiting bigint;
begin
    select count(*) into waiting from ( -- the backlog itself is never counted; ordered, so that it is read by the index
        select from (select '' as lane union select k.lane from t_job_class k) l
        cross join lateral (select from t_job_ready r where r.lane = l.lane and r.tenant = job_max_queued.tenant
            order by r.priority desc, r.seq limit most + 1) r
        limit most + 1) x;
    if waiting + more > most then
        raise exception using errcode = 'JB005', message = format('tenant "%s" has %s jobs queued, its limit max_queued is %s',
            tenant, case when waiting > most then 'more than ' || most else waiting::text end, most);
    end if;
end
$$;
