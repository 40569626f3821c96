-- Makes a token.
-- in:  $1 id, $2 hash, $3 name, $4 tenant (null: all), $5 role, $6 expiration date (microseconds since 1970, null: never)
-- Errors: JB001 tenant unknown, JB009 it is being moved
insert into @schema@.t_job_token (id, hash, name, tenant, role, expiration_date)
select $1::uuid, $2::text, $3::text, $4::text, $5::text, timestamptz 'epoch' + $6::bigint * interval '1 microsecond'
where $4::text is null or @schema@.tenant_hold($4::text);
