-- Creates the jobs of several requests, each for itself, in one commit, and writes down who did it.
-- in:  $1 to $17 as job_create.sql, one element per job; $18 who, $19 addresses, $20 first jobs (from 1), $21 numbers of jobs: one
--      element per request
-- out: rows (id, state, why) in the order given
with c as materialized (
    select e.id, e.state, e.why, e.n
    from @schema@.job_create_each($1::text[], $2::text[], $3::text[], $4::int[],
        array(select timestamptz 'epoch' + u.x * interval '1 microsecond'
            from unnest($5::bigint[]) with ordinality u(x, n) order by u.n),
        $6::boolean[],
        array(select timestamptz 'epoch' + u.x * interval '1 microsecond'
            from unnest($7::bigint[]) with ordinality u(x, n) order by u.n),
        $8::text[], $9::text[], $10::int[],
        array(select u.x * interval '1 millisecond' from unnest($11::bigint[]) with ordinality u(x, n) order by u.n),
        array(select u.x * interval '1 millisecond' from unnest($12::bigint[]) with ordinality u(x, n) order by u.n),
        $13::text[], $14::text[], $15::boolean[], $16::text[], $17::uuid[])
        with ordinality as e(id, state, why, n)
), a as (
    insert into @schema@.t_job_audit (who, address, action, tenant, job, count, outcome, detail)
    select q.who, q.address, 'submit', ($1::text[])[q.first], case q.size when 1 then x.id end,
        case when q.size > 1 then q.size end,
        case x.bad when 0 then 'ok' when q.size then x.state else 'mixed' end, left(x.why, 1000)
    from unnest($18::text[], $19::text[], $20::int[], $21::int[]) as q(who, address, first, size)
    cross join lateral (select (array_agg(c.id))[1] as id, count(c.state) as bad, min(c.state) as state, min(c.why) as why
        from c where c.n between q.first and q.first + q.size - 1) x
)
select c.id, c.state, c.why from c order by c.n;
