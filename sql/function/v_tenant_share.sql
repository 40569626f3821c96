-- What tenants with work in the last minute were given and owed since the instances run, in slot-microseconds, as of a second
-- ago. Fairness holds in each instance; a tenant's lag is the sum over those that serve it.
create or replace view @schema@.v_tenant_share with (security_invoker = true) as
select s.tenant, max(s.weight) as weight, sum(s.got_us + s.lag_us)::bigint as owed_us, sum(s.got_us)::bigint as got_us,
    sum(s.lag_us)::bigint as lag_us, sum(s.running)::int as running, bool_or(s.backlogged) as backlogged,
    count(*)::int as instances, max(s.updated) as updated
from @schema@.t_job_share s join @schema@.t_job_instance i on i.id = s.instance
where not i.lost
group by s.tenant;
