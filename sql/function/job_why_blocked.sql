-- The part of job_why that is about what keeps all jobs of a tenant or class from running.
-- in: the job's row    out: an array of reasons
create or replace function @schema@.job_why_blocked(j @schema@.t_job_info) returns jsonb
language plpgsql stable
set search_path = @schema@, pg_temp
as $$
declare
    ret jsonb := '[]';
    state text := (select t.state from t_tenant t where t.tenant = j.tenant);
    live bigint;
    known bigint;
    offering bigint;
    parked t_job_quarantine;
begin
    if state = 'PAUSED' then
        ret := ret || job_why_reason('tenant_paused', 'its tenant is paused: none of its jobs is chosen');
    elsif state = 'MAINTENANCE' then
        ret := ret || job_why_reason('tenant_maintenance', 'its tenant is in maintenance: none of its jobs is chosen, none is taken');
    end if;
    if exists (select from t_job_class k where k.class_name = j.class_name and k.paused) then
        ret := ret || job_why_reason('class_paused', format('the class %s is paused for all tenants', j.class_name));
    elsif exists (select from t_job_class_pause p where p.class_name = j.class_name and p.tenant = j.tenant) then
        ret := ret || job_why_reason('class_paused', format('the class %s is paused for its tenant', j.class_name));
    end if;
    select * into parked from t_job_quarantine q
    where q.tenant = j.tenant and q.class_name = j.class_name and q.until > clock_timestamp();
    if found then
        ret := ret || job_why_reason('quarantined', format('the class %s is in quarantine for its tenant until %s: %s', j.class_name,
            job_why_date(parked.until), parked.reason), parked.until);
    end if;

    select count(*), count(*) filter (where x.here), count(*) filter (where x.here and j.class_name = any(x.class_names))
    into known, live, offering from (
        select i.class_names, exists (select from pg_stat_activity a
            where a.pid = i.control_pid and (a.backend_start is null or a.backend_start = i.control_start)) as here
        from t_job_instance i where not i.lost) x;
    if live = 0 then
        ret := ret || job_why_reason('no_instance', case when known = 0 then 'no instance of jobsd serves this datasource'
            else format('no instance of jobsd is connected to this datasource; %s known, stopped or cut off',
                case when known = 1 then '1 is' else known || ' are' end) end);
    elsif offering = 0 then
        ret := ret || job_why_reason('no_class', format('%s, but %s the class %s: the job FAILs when it is chosen',
            case when live = 1 then '1 instance is connected' else live || ' instances are connected' end,
            case when live = 1 then 'it does not have' else 'none of them has' end, j.class_name));
    end if;
    return ret;
end
$$;
