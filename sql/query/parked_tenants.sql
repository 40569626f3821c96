-- The tenants that have events waiting for their virtual hosts: a probe of the index for each.
-- out: rows (tenant)
with recursive t as (
    (select p.tenant from @schema@.t_job_outbox_parked p order by p.tenant limit 1)
    union all
    select (select p.tenant from @schema@.t_job_outbox_parked p where p.tenant > t.tenant order by p.tenant limit 1)
    from t where t.tenant is not null
)
select t.tenant from t where t.tenant is not null;
