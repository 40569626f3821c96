-- Removes entries of the audit log that are older than so many days: looks at the oldest ones alone.
-- in: $1 days, $2 how many to look at    out: nothing; how many rows
delete from @schema@.t_job_audit a
where a.ctid = any(array(select o.ctid
    from (select b.ctid, b.date from @schema@.t_job_audit b order by b.id limit $2::int) o
    where o.date < clock_timestamp() - $1::int * interval '1 day'));
