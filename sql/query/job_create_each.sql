-- Creates the jobs of several requests, each for itself, in one commit, and writes down who did it.
-- in:  $1 to $17 as job_create.sql, one element per job; $18 who, $19 addresses, $20 first jobs (from 1), $21 numbers of jobs: one
--      element per request
-- out: rows (id, state, why) in the order given
with c as materialized (
    select e.id, e.state, e.why, e.tenant, e.n
    from rows from (@schema@.job_create_each($1::text[], $2::text[], $3::text[], $4::int[],
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
        $13::text[], $14::text[], $15::boolean[], $16::text[], $17::uuid[]),
        unnest($1::text[])) with ordinality as e(id, state, why, tenant, n)
), a as (
    insert into @schema@.t_job_audit (who, address, action, tenant, job, count, outcome, detail)
    select q.who, q.address, 'submit', min(c.tenant), case q.size when 1 then (array_agg(c.id))[1] end,
        case when q.size > 1 then q.size end,
        case count(c.state) when 0 then 'ok' when q.size then min(c.state) else 'mixed' end, left(min(c.why), 1000)
    from unnest($18::text[], $19::text[], $20::int[], $21::int[]) with ordinality as q(who, address, first, size, n)
    cross join lateral generate_series(q.first, q.first + q.size - 1) as s(n)
    join c on c.n = s.n
    group by q.n, q.who, q.address, q.first, q.size
)
select c.id, c.state, c.why from c order by c.n;
