-- Creates one job in the caller's transaction: QUEUED, or PENDING when `pending` or while `at` is in the future.
-- in:  tenant, class_name; parameters: a JSON object up to 1 MiB; priority: higher first; at: not before this date;
--      pending: stored until job_release; expires: FAILED/EXPIRED if not chosen by then; attempts, backoff, timeout:
--      instead of the class's own; locked: kept for ever; id: the same id twice returns the first job
-- out: the job's id
-- Errors: see job_create
create or replace function @schema@.job_submit(tenant text, class_name text, parameters jsonb default '{}',
    priority int default 0, at timestamptz default null, pending boolean default false, expires timestamptz default null,
    description text default null, owner text default null, attempts int default null, backoff interval default null,
    timeout interval default null, related_type text default null, related_id text default null,
    locked boolean default false, traceparent text default null, id uuid default null)
returns uuid
language plpgsql volatile
set search_path = @schema@, pg_temp
as $$
begin
    return (select job_create(array[tenant], array[class_name], array[parameters], array[priority], array[at],
        array[pending], array[expires], array[description], array[owner], array[attempts], array[backoff], array[timeout],
        array[related_type], array[related_id], array[locked], array[traceparent], array[id]));
end
$$;
