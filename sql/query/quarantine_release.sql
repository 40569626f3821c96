-- Ends a quarantine before its time.
-- in: tenant, class    out: one row (there): was it in quarantine for that tenant?
select @schema@.job_quarantine_release($1::text, $2::text) as there;
