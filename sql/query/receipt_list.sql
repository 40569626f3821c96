-- After a reconnect: the own receipts.
-- in: $1 instance    out: rows (tick, tenant, lane)
select c.tick, c.tenant, c.lane from @schema@.t_job_claim c where c.instance = $1::uuid;
