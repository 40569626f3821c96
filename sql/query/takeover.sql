-- Takes over jobs of a lost instance, a batch of its receipts at a time. A job that somebody holds stays, with its receipt, for the next
-- batch. TO_BE_RUN goes back free of charge and suspect; RUNNING goes back while its crash budget lasts; a stop request ends either.
-- A loss that was free is charged after all when the job is lost again, this time RUNNING: a job that kills its daemon at once, before
-- its RUNNING was written down, so takes down budget + 1 instances and no more.
-- A job that has used up its budget counts as a crash of its class: a single loss says nothing about the jobs that were running.
-- in:  $1 lost instance, $2 how many receipts at most, $3 crash budget
-- out: one row (receipts, jobs): receipts closed and jobs taken over
with r as materialized (
    select c.ctid, c.ids from @schema@.t_job_claim c
    join @schema@.t_job_instance i on i.id = c.instance
    where c.instance = $1::uuid and i.lost
    order by random() limit $2::int -- in order, those with a job that somebody holds could keep all others waiting
    for update of c skip locked
), k as materialized (
    -- what is decided here is decided on the row as it was locked, not as the snapshot has it
    select j.id, j.status as before, clock_timestamp() as now, t.once,
        case when j.stop_requested then 'ABORTED'
            when j.status = 'TO_BE_RUN' then 'QUEUED'
            when t.once or j.crashes >= $3::int then 'FAILED'
            else 'QUEUED' end::@schema@.job_status as status
    from (select distinct unnest(r.ids) as id from r) x
    join @schema@.t_job_info j on j.id = any(array[x.id])
    cross join lateral (select coalesce((select c.at_most_once from @schema@.t_job_class c
        where c.class_name = j.class_name), false) as once) t
    where j.instance = $1::uuid and j.status in ('TO_BE_RUN', 'RUNNING')
    for no key update of j skip locked
), u as (
    update @schema@.t_job_info j
    set status = k.status, version = j.version + 1, status_date = k.now,
        stop_date = case when k.status <> 'QUEUED' then k.now end,
        queued_date = case when k.status = 'QUEUED' then k.now else j.queued_date end,
        instance = case when k.status <> 'QUEUED' then j.instance end,
        attempt_base = j.attempt_base + 1,
        suspect = true,
        crashes = j.crashes + case when k.before <> 'RUNNING' then 0 when j.suspect and j.crashes = 0 then 2 else 1 end,
        percent_completed = case when k.status = 'QUEUED' then 0 else j.percent_completed end,
        estimated_completion = null,
        error_kind = case when k.status = 'FAILED' then 'CRASH' else j.error_kind end,
        error = case when k.status = 'FAILED' and k.once
            then 'the instance that ran it was lost; an at_most_once job is not run again unless retried'
            when k.status = 'FAILED' then format('the instance that ran it was lost, %s times in all', j.crashes + 1)
            else j.error end
    from k
    where j.id = any(array[k.id]) and j.instance = $1::uuid and j.status = k.before
    returning j.*, k.before
), attempt as (
    insert into @schema@.t_job_attempt (job_id, attempt, tenant, instance, start_date, stop_date, outcome, error_kind, error)
    select u.id, u.attempt, u.tenant, $1::uuid, u.start_date, u.status_date, 'LOST', 'CRASH', 'the instance that ran it was lost'
    from u where u.before = 'RUNNING' and u.status = 'QUEUED'
    on conflict do nothing
), crash as (
    insert into @schema@.t_job_crash (tenant, class_name)
    select u.tenant, u.class_name from u where u.before = 'RUNNING' and u.crashes > $3::int
), ready as (
    insert into @schema@.t_job_ready (lane, tenant, priority, seq, id)
    select u.lane, u.tenant, u.priority, u.ready_seq, u.id from u where u.status = 'QUEUED'
), failure as (
    insert into @schema@.t_job_failure (tenant, id)
    select u.tenant, u.id from u where u.status in ('FAILED', 'ABORTED')
    on conflict do nothing
), closed as (
    delete from @schema@.t_job_claim c
    where c.ctid = any(array(select r.ctid from r where not exists (
        select from unnest(r.ids) x(id) join @schema@.t_job_info j on j.id = any(array[x.id])
        where j.instance = $1::uuid and j.status in ('TO_BE_RUN', 'RUNNING') and j.id not in (select k.id from k))))
    returning 1
), report as materialized (
    select count(*) as jobs, @schema@.job_report(array_agg(u.id), array_agg(u.tenant), array_agg(u.class_name),
        array_agg(u.before), array_agg(null::@schema@.job_status), array_agg(u.status), array_agg(u.version),
        array_agg(u.attempt), array_agg(u.percent_completed), array_agg(null::timestamptz), array_agg(u.status_date),
        array_agg(@schema@.job_extras(u.owner, u.description, u.related_type, u.related_id, null, null,
            case when u.status = 'FAILED' then u.error_kind end, case when u.status = 'FAILED' then u.error end,
            u.traceparent))) as outbox
    from u
)
select report.jobs, report.outbox, (select count(*) from closed) as receipts from report;
