-- Takes or renews the lease of the relay, by the database's clock. A lease that ends later than any could is of before the clock
-- was set back.
-- in: $1 instance, $2 milliseconds    out: one row (held) when it is ours
update @schema@.t_job_relay r set instance = $1::uuid, until = clock_timestamp() + $2::int * interval '1 millisecond'
where r.instance = $1::uuid or r.until < clock_timestamp()
    or r.until > clock_timestamp() + $2::int * interval '1 millisecond'
returning true as held;
