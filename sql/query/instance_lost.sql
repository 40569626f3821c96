-- Lost instances that still have receipts.
-- out: rows (id, name)
select i.id, i.name from @schema@.t_job_instance i
where i.lost and exists (select from @schema@.t_job_claim c where c.instance = i.id);
