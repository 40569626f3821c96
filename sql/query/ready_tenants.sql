-- Which tenants have queued jobs: a loose index scan, one probe per tenant whatever the backlog.
-- in: $1 lane, $2 tenant to continue after, $3 how many at most
-- out: rows (tenant, seq: of its first job, weight, paused, max_running: null: no limit) in order of tenant; paused: the tenant, or the
--      class for it. Behind them one without a tenant: took, the microseconds that it took, and drawn, the last place in a queue that any job was given
with recursive l as (
    (select r.tenant, r.seq, 1 as n from @schema@.t_job_ready r
    where r.lane = $1::text and r.tenant > $2::text
    order by r.lane, r.tenant, r.priority desc, r.seq limit 1)
    union all
    select n.tenant, n.seq, l.n + 1 from l cross join lateral (
        select r.tenant, r.seq from @schema@.t_job_ready r
        where r.lane = $1::text and r.tenant > l.tenant
        order by r.lane, r.tenant, r.priority desc, r.seq limit 1) n
    where l.n < $3::int
)
select l.tenant, l.seq,
    (select t.weight from @schema@.t_tenant t where t.tenant = l.tenant) as weight,
    (select t.max_running from @schema@.t_tenant t where t.tenant = l.tenant) as max_running,
    (select t.state <> 'ACTIVE' from @schema@.t_tenant t where t.tenant = l.tenant)
        or $1::text <> '' and exists (select from @schema@.t_job_class_pause p
            where p.class_name = $1::text and p.tenant = l.tenant) as paused,
    null::bigint as took, null::bigint as drawn
from l
union all
select null, null, null, null, null, (extract(epoch from clock_timestamp() - statement_timestamp()) * 1000000)::bigint,
    coalesce(pg_sequence_last_value('@schema@.t_job_ready_seq_seq'::regclass), 0);
