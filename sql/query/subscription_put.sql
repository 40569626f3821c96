-- Records a subscriber's queue.
-- in: tenant, name, keys (array), kind, ttl (ms, null: none), most (null: no bound)    out: one row (before): see job_subscribe
select @schema@.job_subscribe($1::text, $2::text, $3::text[], $4::text, $5::bigint, $6::bigint) as before;
