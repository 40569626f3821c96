-- Jobs of a tenant by the narrow tables, which tenants' roles cannot read: QUEUED ones by t_job_ready, TO_BE_RUN and RUNNING ones
-- by receipts, FAILED and ABORTED ones by t_job_failure. Some may have another status by now.
-- in:  tenant; statuses; before, lowest: only ids below this one, and none below that one (null: all), where that costs nothing
-- out: ids    Errors: JB001 not the caller's tenant
create or replace function @schema@.job_narrow(of_tenant text, statuses @schema@.job_status[], before uuid, lowest uuid)
returns setof uuid
language plpgsql stable security definer
set search_path = @schema@, pg_temp
as $$
begin
    perform job_check_caller(array[of_tenant]);
    if 'QUEUED' = any(statuses) then
        return query select r.id from t_job_ready r
        where r.tenant = of_tenant and r.lane in (select '' union select c.lane from t_job_class c);
    end if;
    if statuses && '{TO_BE_RUN,RUNNING}' then
        return query select distinct u.id from t_job_claim c cross join lateral unnest(c.ids) u(id)
        where c.tenant = of_tenant;
    end if;
    if statuses && '{FAILED,ABORTED}' then
        return query select f.id from t_job_failure f
        where f.tenant = of_tenant and (before is null or f.id < before) and (lowest is null or f.id >= lowest);
    end if;
end
$$;
