-- Writes down status changes: one outbox row to be broadcast, and the deltas of the counts. Called by the statement that
-- made the changes, fed by its RETURNING, so that the outbox id is drawn while the row locks are held.
-- in:  arrays of one length, one element per job: the status before (null: created), the status passed through on the way
--      (null: none) with its date, the status now with its date, version now, attempt, percent, job_extras()
-- out: the id of the outbox row; null when there was nothing to report
create or replace function @schema@.job_report(ids uuid[], tenants text[], class_names text[],
    befores @schema@.job_status[], middles @schema@.job_status[], statuses @schema@.job_status[],
    versions int[], attempts int[], percents int[], middle_dates timestamptz[], dates timestamptz[], extras text[])
returns bigint
language plpgsql volatile
set search_path = @schema@, pg_temp
as $$
declare
    ret bigint;
begin
    if ids is null then
        return null;
    end if;
    insert into t_job_outbox (ids, tenants, class_names, middles, statuses, versions, attempts, percents,
        middle_dates, dates, extras)
    values (ids, tenants, class_names, middles, statuses, versions, attempts, percents, middle_dates, dates, extras)
    returning id into ret;
    insert into t_job_count_delta (tenant, class_name, status, n)
    select g.tenant, g.class_name, s.status, g.n * s.sign
    from (select u.tenant, u.class_name, u.before, u.status, count(*) as n
        from unnest(tenants, class_names, befores, statuses) as u(tenant, class_name, before, status)
        group by 1, 2, 3, 4) g
    cross join lateral (values (g.status, 1), (g.before, -1)) s(status, sign)
    where s.status is not null;
    return ret;
end
$$;
