-- Changes priority or expiration of a job that waits.
-- in:  tenant, id, priority (null: as it is), whether expires is changed, expires (microseconds since 1970, null: never)
-- out: one row (status)
select @schema@.job_change($1::text, $2::uuid, $3::int, $4::boolean,
    timestamptz 'epoch' + $5::bigint * interval '1 microsecond') as status;
