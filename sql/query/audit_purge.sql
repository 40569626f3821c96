-- Removes entries of the audit log that are older than so many days, some at a time.
-- in: $1 days, $2 how many at most    out: nothing; how many rows
delete from @schema@.t_job_audit a
where a.ctid = any(array(select b.ctid from @schema@.t_job_audit b
    where b.date < clock_timestamp() - $1::int * interval '1 day' order by b.id limit $2::int));
