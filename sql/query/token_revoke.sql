-- A token no longer counts; revoked twice it keeps the first date.
-- in: $1 id, $2 tenant that it must belong to, null = any    out: nothing; how many rows: 0 when there is no such token
update @schema@.t_job_token t set revoked_date = coalesce(t.revoked_date, clock_timestamp())
where t.id = $1::uuid and ($2::text is null or t.tenant = $2::text);
