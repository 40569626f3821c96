-- Creates jobs, all or none: function job_create with dates, durations and JSON as the C library has them.
-- in:  arrays of one length, one element per job, null = not given (but for $1 and $2 also a whole array): $1 tenants,
--      $2 class names, $3 parameters (JSON text, judged here), $4 priorities, $5 at (microseconds since 1970), $6 pendings,
--      $7 expires (likewise), $8 descriptions, $9 owners, $10 attempts, $11 backoffs (ms), $12 timeouts (ms), $13 related types,
--      $14 related ids, $15 lockeds, $16 traceparents, $17 ids
-- out: rows (id) in the order given
select c.id
from @schema@.job_create($1::text[], $2::text[], $3::text[]::jsonb[], $4::int[],
    case when $5::bigint[] <> '{}' then array(select timestamptz 'epoch' + u.x * interval '1 microsecond'
        from unnest($5::bigint[]) with ordinality u(x, n) order by u.n) end,
    $6::boolean[],
    case when $7::bigint[] <> '{}' then array(select timestamptz 'epoch' + u.x * interval '1 microsecond'
        from unnest($7::bigint[]) with ordinality u(x, n) order by u.n) end,
    $8::text[], $9::text[], $10::int[],
    case when $11::bigint[] <> '{}' then array(select u.x * interval '1 millisecond'
        from unnest($11::bigint[]) with ordinality u(x, n) order by u.n) end,
    case when $12::bigint[] <> '{}' then array(select u.x * interval '1 millisecond'
        from unnest($12::bigint[]) with ordinality u(x, n) order by u.n) end,
    $13::text[], $14::text[], $15::boolean[], $16::text[], $17::uuid[])
    with ordinality as c(id, n)
order by c.n;
