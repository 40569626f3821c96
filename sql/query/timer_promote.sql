-- Queues PENDING jobs whose date has come.
-- in:  $1 how many at most, $2 date to look after, as timer_next
-- out: rows (lane, tenant, promoted): who has work now, and the latest date of all that were promoted, less a second
with c as materialized (
    select t.ctid, t.id, t.due
    from @schema@.t_job_timer t join @schema@.t_job_info j on j.id = any(array[t.id])
    where t.due <= now() and t.due > $2::timestamptz and j.status = 'PENDING'
    order by t.due, t.id limit $1::int
    for update of t skip locked for no key update of j skip locked
), d as (
    delete from @schema@.t_job_timer t where t.ctid = any(array(select c.ctid from c))
), u as (
    update @schema@.t_job_info j
    set status = 'QUEUED', version = j.version + 1, status_date = clock_timestamp(), queued_date = clock_timestamp(),
        ready_seq = nextval('@schema@.t_job_ready_seq_seq')
    from c
    where j.id = any(array[c.id]) and j.status = 'PENDING'
    returning j.*
), r as (
    insert into @schema@.t_job_ready (lane, tenant, priority, seq, id)
    select u.lane, u.tenant, u.priority, u.ready_seq, u.id from u
), report as materialized (
    select @schema@.job_report(array_agg(u.id), array_agg(u.tenant), array_agg(u.class_name),
        array_agg('PENDING'::@schema@.job_status), array_agg(null::@schema@.job_status), array_agg(u.status),
        array_agg(u.version), array_agg(u.attempt), array_agg(u.percent_completed), array_agg(null::timestamptz),
        array_agg(u.status_date),
        array_agg(@schema@.job_extras(u.owner, u.description, u.related_type, u.related_id, null, null, null, null, u.traceparent))) as outbox
    from u
)
select distinct u.lane, u.tenant, (select max(c.due) - interval '1 second' from c) as promoted from report cross join u;
