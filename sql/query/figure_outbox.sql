-- How much waits to be broadcast, and since when.
-- in:  -
-- out: one row: waiting (outbox rows, counted up to 1000), span (their ids' range: about as many when it is more), age (microseconds
--      since the first change of the oldest; null: none waits)
select (select count(*) from (select from @schema@.t_job_outbox o order by o.id limit 1000) x) as waiting,
    coalesce((select max(o.id) from @schema@.t_job_outbox o) - (select min(o.id) from @schema@.t_job_outbox o) + 1, 0) as span,
    (select (date_part('epoch', clock_timestamp() - o.dates[1]) * 1000000)::bigint
        from @schema@.t_job_outbox o order by o.id limit 1) as age;
