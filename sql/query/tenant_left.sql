-- What is left of a tenant's life.
-- in:  tenant    out: one row: jobs by status that have not ended (from the counts), events: of it, not broadcast yet;
--      jobs: is there any job at all
select coalesce(sum(c.n) filter (where c.status = 'PENDING'), 0)::bigint as pending,
    coalesce(sum(c.n) filter (where c.status = 'QUEUED'), 0)::bigint as queued,
    coalesce(sum(c.n) filter (where c.status = 'TO_BE_RUN'), 0)::bigint as to_be_run,
    coalesce(sum(c.n) filter (where c.status = 'RUNNING'), 0)::bigint as running,
    exists (select from @schema@.t_job_outbox o where $1::text = any(o.tenants))
        or exists (select from @schema@.t_job_outbox_parked p where p.tenant = $1::text) as events,
    exists (select from @schema@.t_job_info j where j.tenant = $1::text) as jobs
from @schema@.v_job_count c where c.tenant = $1::text;
