-- A page of the audit log, the latest first.
-- in:  $1 tenant, $2 job (null: all), $3 continue before this id (null: from the end), $4 how many at most
-- out: a row each; date in microseconds since 1970
select a.id, (extract(epoch from a.date) * 1000000)::bigint as date, a.who, a.address, a.action, a.tenant, a.job, a.count,
    a.outcome, a.detail
from @schema@.t_job_audit a
where ($1::text is null or a.tenant = $1::text) and ($2::uuid is null or a.job = $2::uuid)
    and ($3::bigint is null or a.id < $3::bigint)
order by a.id desc limit $4::int;
