-- Ends a quarantine before its time; the crashes so far count no more.
-- in: tenant, class    out: was it in quarantine for that tenant?
-- Errors: JB001 tenant unknown, JB009 it is being moved
create or replace function @schema@.job_quarantine_release(of_tenant text, of_class text) returns boolean
language plpgsql volatile
set search_path = @schema@, pg_temp
as $$
begin
    perform tenant_hold(of_tenant);
    delete from t_job_crash c where c.tenant = of_tenant and c.class_name = of_class;
    delete from t_job_quarantine q where q.tenant = of_tenant and q.class_name = of_class and q.until > clock_timestamp();
    return found;
end
$$;
