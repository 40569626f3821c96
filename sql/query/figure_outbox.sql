-- How much waits to be broadcast, and since when; what is parked for a tenant's own virtual host too.
-- in:  -
-- out: one row: waiting (outbox rows and parked ones, each counted up to 1000), span (range of the ids in the outbox: about as many
--      when it is more), age (microseconds since the first change of the oldest; null: none waits)
select (select count(*) from (select from @schema@.t_job_outbox o order by o.id limit 1000) x)
        + (select count(*) from (select from @schema@.t_job_outbox_parked p limit 1000) x) as waiting,
    coalesce((select max(o.id) from @schema@.t_job_outbox o) - (select min(o.id) from @schema@.t_job_outbox o) + 1, 0) as span,
    (select (date_part('epoch', clock_timestamp() - min(x.date)) * 1000000)::bigint
        from (
            (select o.dates[1] as date from @schema@.t_job_outbox o order by o.id limit 1)
            union all
            select p.date from @schema@.t_tenant t
            cross join lateral (select q.dates[1] as date from @schema@.t_job_outbox_parked q where q.tenant = t.tenant
                order by q.id limit 1) p) x) as age;
