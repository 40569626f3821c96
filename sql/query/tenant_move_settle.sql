-- What belongs to the target, after the jobs have come.
-- in: tenant    out: one row (jobs, running)
select m.jobs, m.running from @schema@.tenant_move_settle($1::text) m;
