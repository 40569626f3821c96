-- Ends a quarantine before its time; the crashes so far count no more.
-- in: tenant, class    out: the class's name, if it was in quarantine for that tenant
with c as (
    delete from @schema@.t_job_crash c where c.tenant = $1::text and c.class_name = $2::text
)
delete from @schema@.t_job_quarantine q where q.tenant = $1::text and q.class_name = $2::text and q.until > clock_timestamp()
returning q.class_name;
