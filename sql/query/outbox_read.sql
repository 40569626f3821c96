-- Status changes to be broadcast, oldest first, of the ids that the relay does not know (relay_floor.h).
-- in:  $1, $2 first and last ids of ranges, in order, $3 how many rows at most, $4 whether a fence is wanted
-- out: a row per outbox row, or one without an id; dates in microseconds since 1970; in each row oldest: no transaction below this id
--      runs; fence: a transaction id, all those that have drawn ids so far have lower ones, or null
with s as materialized (
    select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as oldest,
        case when $4::boolean then pg_current_xact_id()::text::bigint end as fence
)
select s.oldest, s.fence, o.id, o.ids, o.tenants, o.class_names, o.middles, o.statuses, o.versions, o.attempts, o.percents,
    array(select (date_part('epoch', unnest(o.middle_dates)) * 1000000)::bigint) as middle_dates,
    array(select (date_part('epoch', unnest(o.dates)) * 1000000)::bigint) as dates,
    o.extras
from s left join (
    select x.* from unnest($1::bigint[], $2::bigint[]) r(first, last)
    cross join lateral (
        select x.* from @schema@.t_job_outbox x where x.id between r.first and r.last order by x.id limit $3::int) x
    order by x.id limit $3::int) o on true
order by o.id;
