-- Who holds jobs or tenants in an open transaction?
-- out: one row (holder): null: nobody
select @schema@.tenant_holder('{t_job_info,t_tenant}') as holder;
