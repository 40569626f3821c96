-- Creates one job: function job_submit with dates, durations and JSON as the C library has them.
-- in:  null = not given: $1 tenant, $2 class name, $3 parameters (JSON text, judged here), $4 priority, $5 at (microseconds since
--      1970), $6 pending, $7 expires (likewise), $8 description, $9 owner, $10 attempts, $11 backoff (ms), $12 timeout (ms),
--      $13 related type, $14 related id, $15 locked, $16 traceparent, $17 id
-- out: a row (id)
select @schema@.job_submit($1::text, $2::text, $3::text::jsonb, $4::int,
    timestamptz 'epoch' + $5::bigint * interval '1 microsecond', $6::boolean,
    timestamptz 'epoch' + $7::bigint * interval '1 microsecond', $8::text, $9::text, $10::int,
    $11::bigint * interval '1 millisecond', $12::bigint * interval '1 millisecond',
    $13::text, $14::text, $15::boolean, $16::text, $17::uuid) as id;
