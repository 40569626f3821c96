-- Status changes of one tenant to be broadcast in its virtual host, oldest first, of the ids that its line does not know.
-- in:  $1, $2 first and last ids of ranges, in order, $3 how many rows at most, $4 tenant
-- out: a row per row, as outbox_read
select o.id, o.ids, o.tenants, o.class_names, o.middles, o.statuses, o.versions, o.attempts, o.percents,
    array(select (date_part('epoch', unnest(o.middle_dates)) * 1000000)::bigint) as middle_dates,
    array(select (date_part('epoch', unnest(o.dates)) * 1000000)::bigint) as dates,
    o.extras
from (
    select x.* from unnest($1::bigint[], $2::bigint[]) r(first, last)
    cross join lateral (
        select x.* from @schema@.t_job_outbox_parked x where x.tenant = $4::text and x.id between r.first and r.last
        order by x.id limit $3::int) x
    order by x.id limit $3::int) o
order by o.id;
