-- Forgets a subscriber's queue.
-- in: tenant, name    out: one row (there): was it there?
select @schema@.job_unsubscribe($1::text, $2::text) as there;
