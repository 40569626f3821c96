-- Asks the next jobs that a filter means to stop, as job_stop does with one: a batch of a walk in the order of the ids. Call it
-- again with after => last, each time in a transaction of its own, until last is null.
-- in:  tenant, filter: see job_match; most: jobs of a batch; after: the id to go on after
-- out: aborted: they were PENDING or QUEUED; asked: TO_BE_RUN or RUNNING, they will end soon; last: null at the end
-- Errors: JB001 not the caller's tenant, see job_match
-- Lock order: ready rows, then job rows, both by id; whoever skips rows that are held instead of waiting breaks that order, and two
-- stops of the same jobs then meet in a deadlock. Queued jobs go together, all others one by one through job_stop.
create or replace function @schema@.job_stop_many(tenant text, filter jsonb default '{}', most int default 500,
    after uuid default null, out aborted int, out asked int, out last uuid)
language plpgsql volatile security definer
set search_path = @schema@, pg_temp
as $$
declare
    m record;
    got record;
    one uuid;
    outbox bigint;
    now_is job_status;
begin
    perform job_check_caller(array[tenant]);
    perform set_config('synchronous_commit', 'on', true);
    select x.* into m from job_match(tenant, filter, '{PENDING,QUEUED,TO_BE_RUN,RUNNING}', after, most) x;
    aborted := 0;
    asked := 0;
    last := m.last;

    with c as materialized (
        select r.ctid
        from (select x.* from t_job_info x where x.id = any(m.ids) and x.status = 'QUEUED' order by x.id offset 0) j
        cross join lateral (select x.ctid from t_job_ready x
            where x.lane = j.lane and x.tenant = j.tenant and x.priority = j.priority and x.seq = j.ready_seq and x.id = j.id
            limit 1 for update of x) r
    ), d as (
        delete from t_job_ready r where r.ctid = any(array(select c.ctid from c))
        returning r.id, r.seq
    )
    select array_agg(d.id order by d.id) as ids, array_agg(d.seq order by d.id) as seqs into got from d;

    if got.ids is not null then -- a statement of its own: it sees what was committed before the ready rows were locked
        with k as materialized (
            select j.id from t_job_info j where j.id = any(got.ids) order by j.id for no key update
        ), u as (
            update t_job_info j set status = 'ABORTED', version = j.version + 1, status_date = clock_timestamp(),
                stop_date = clock_timestamp(), stop_requested = true, estimated_completion = null
            from k
            where j.id = k.id and j.status = 'QUEUED' and j.ready_seq = got.seqs[array_position(got.ids, j.id)]
            returning j.*
        ), failure as (
            insert into t_job_failure (tenant, id) select u.tenant, u.id from u on conflict do nothing
        ), report as materialized (
            select count(*) as n, job_report(array_agg(u.id), array_agg(u.tenant), array_agg(u.class_name),
                array_agg('QUEUED'::job_status), array_agg(null::job_status), array_agg(u.status), array_agg(u.version),
                array_agg(u.attempt), array_agg(u.percent_completed), array_agg(null::timestamptz), array_agg(u.status_date),
                array_agg(job_extras(u.owner, u.description, u.related_type, u.related_id, null, null, null, null, u.traceparent))) as outbox
            from u
        )
        -- outbox is asked for: a SELECT in WITH that nobody reads is not carried out
        select report.n, report.outbox into aborted, outbox from report;
        if aborted <> cardinality(got.ids) then
            raise exception using errcode = '40001', message = 'queued jobs changed under way, try again';
        end if;
    end if;

    foreach one in array m.ids loop
        continue when one = any(got.ids);
        begin
            now_is := job_stop(tenant, one);
            aborted := aborted + (now_is = 'ABORTED')::int;
            asked := asked + (now_is in ('TO_BE_RUN', 'RUNNING'))::int;
        exception when sqlstate 'JB007' then
            null; -- it ended and was removed meanwhile
        end;
    end loop;
end
$$;
