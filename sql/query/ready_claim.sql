-- Chooses jobs: highest priority first, then first in first out, of each named tenant up to its quota.
-- in:  $1 instance, $2 tick; arrays: $3 lanes, $4 tenants, $5 quotas; $6 how many at most in all
-- out: a row per job chosen, all that its run needs (parameters only up to 16 KiB: null = read them with run_parameters);
--      status FAILED: it had expired. Nobody's row lock is waited for.
with c as materialized (
    select x.ctid, x.id, x.seq
    from unnest($3::text[], $4::text[], $5::int[]) t(lane, tenant, quota)
    cross join lateral (
        select r.ctid, r.id, r.seq
        from @schema@.t_job_ready r join @schema@.t_job_info j on j.id = any(array[r.id])
        where r.lane = t.lane and r.tenant = t.tenant and j.status = 'QUEUED'
        order by r.priority desc, r.seq limit t.quota
        for update of r skip locked for no key update of j skip locked) x
    where (select s.state from @schema@.t_tenant s where s.tenant = t.tenant) = 'ACTIVE'
    limit $6::int
), d as (
    delete from @schema@.t_job_ready r where r.ctid = any(array(select c.ctid from c))
), u as (
    update @schema@.t_job_info j
    set status = case when j.expiration_date <= clock_timestamp() then 'FAILED' else 'TO_BE_RUN' end::@schema@.job_status,
        version = j.version + case when j.expiration_date <= clock_timestamp() then 2 else 1 end,
        stop_date = case when j.expiration_date <= clock_timestamp() then clock_timestamp() end,
        error_kind = case when j.expiration_date <= clock_timestamp() then 'EXPIRED' end,
        error = case when j.expiration_date <= clock_timestamp() then 'expiration date reached' end,
        status_date = clock_timestamp(), attempt = j.attempt + 1, instance = $1::uuid, start_date = null,
        percent_completed = 0
    from c
    where j.id = any(array[c.id]) and j.status = 'QUEUED'
    returning j.*
), receipt as (
    insert into @schema@.t_job_claim (instance, tick, tenant, ids)
    select $1::uuid, $2::bigint, u.tenant, array_agg(u.id) from u where u.status = 'TO_BE_RUN' group by u.tenant
), failure as (
    insert into @schema@.t_job_failure (tenant, id)
    select u.tenant, u.id from u where u.status = 'FAILED'
    on conflict do nothing
), report as materialized (
    select @schema@.job_report(array_agg(u.id), array_agg(u.tenant), array_agg(u.class_name),
        array_agg('QUEUED'::@schema@.job_status),
        array_agg(case when u.status = 'FAILED' then 'TO_BE_RUN'::@schema@.job_status end),
        array_agg(u.status), array_agg(u.version), array_agg(u.attempt), array_agg(u.percent_completed),
        array_agg(case when u.status = 'FAILED' then u.status_date end), array_agg(u.status_date),
        array_agg(@schema@.job_extras(u.owner, u.description, u.related_type, u.related_id, null, null, u.error_kind, u.error)))
        as outbox
    from u
)
select u.id, u.lane, u.tenant, u.class_name, u.status, u.priority, u.ready_seq, u.attempt, u.attempt_base, u.max_attempts, u.version,
    u.suspect, (extract(epoch from u.timeout) * 1000)::bigint as timeout, (extract(epoch from u.backoff) * 1000)::bigint as backoff,
    u.traceparent,
    case when u.parameters_bytes = 0 then '{}' when u.parameters_bytes <= 16384 then
        (select coalesce(jsonb_object_agg(p.name, p.value), '{}')::text from @schema@.t_job_parameters p where p.job_id = u.id)
    end as parameters
from report cross join u
order by u.priority desc, u.ready_seq;
