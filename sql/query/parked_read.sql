-- Status changes of one tenant to be broadcast in its virtual host, oldest first, without a cursor.
-- in: $1 ids of the rows already in hand, $2 how many rows at most, $3 tenant
-- out: a row per row, as outbox_read
select o.id, o.ids, o.tenants, o.class_names, o.middles, o.statuses, o.versions, o.attempts, o.percents,
    array(select (extract(epoch from m) * 1000000)::bigint from unnest(o.middle_dates) m) as middle_dates,
    array(select (extract(epoch from d) * 1000000)::bigint from unnest(o.dates) d) as dates,
    o.extras
from @schema@.t_job_outbox_parked o
where o.tenant = $3::text and o.id <> all ($1::bigint[])
order by o.id limit $2::int;
