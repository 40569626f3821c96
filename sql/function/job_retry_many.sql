-- Queues the next FAILED and ABORTED jobs that a filter means again, as job_retry does with one: a batch of a walk in the order of
-- the ids. Call it again with after => last, each time in a transaction of its own, until last is null.
-- in:  tenant, filter: see job_match; most: jobs of a batch; after: the id to go on after
-- out: queued: how many; last: null at the end
-- Errors: JB001 not the caller's tenant, JB004 maintenance, and those of job_match
create or replace function @schema@.job_retry_many(tenant text, filter jsonb default '{}', most int default 500,
    after uuid default null, out queued int, out last uuid)
language plpgsql volatile security definer
set search_path = @schema@, pg_temp
as $$
declare
    m record;
    locked uuid[];
begin
    perform job_check_caller(array[tenant]);
    perform set_config('synchronous_commit', 'on', true);
    perform from t_tenant t where t.tenant = job_retry_many.tenant and t.state = 'MAINTENANCE';
    if found then
        raise exception using errcode = 'JB004', message = format('tenant "%s" is in maintenance: nothing is taken', tenant);
    end if;
    select x.* into m from job_match(tenant, filter, '{FAILED,ABORTED}', after, most) x;
    last := m.last;
    -- in the order of the ids, each tested as it is once it is locked
    locked := array(select x.id from (select j.id from t_job_info j
        where j.id = any(m.ids) and j.status in ('FAILED', 'ABORTED') order by j.id for no key update) x);
    queued := job_retry_ids(locked);
end
$$;
