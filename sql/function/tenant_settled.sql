-- Has every transaction ended that was about to write jobs of this schema when `barrier` was read? Such a one has a number before it
-- looks at the tenant, and from that look to its end a lock on t_tenant, be it a reader's; who changes a job has one on t_job_info,
-- who writes down that somebody did has one on t_job_audit.
-- What else is open in the database is not waited for.
-- in:  barrier: what this function gave before; null: give one
-- out: barrier; holder: who is waited for, see tenant_holder; null when all have ended
create or replace function @schema@.tenant_settled(inout barrier text default null, out holder text)
language plpgsql volatile
set search_path = @schema@, pg_temp
as $$
begin
    barrier := coalesce(barrier, pg_snapshot_xmax(pg_current_snapshot())::text);
    holder := tenant_holder('{t_job_info,t_tenant,t_job_audit}', barrier);
end
$$;
