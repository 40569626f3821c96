-- Quarantines: a class whose runs crashed again and again for a tenant is parked for that tenant. Begins those that are due and forgets
-- crashes that count no more; any instance may do it at any time, nobody's row lock is waited for.
-- in:  $1 how many crashes, $2 within how many ms, $3 ms a quarantine lasts
-- out: a row per quarantine in force (tenant, class_name, crashes, left: ms)
with due as materialized (
    select c.tenant, c.class_name, count(*) as crashes
    from @schema@.t_job_crash c
    where c.date > clock_timestamp() - $2::bigint * interval '1 millisecond'
    group by c.tenant, c.class_name having count(*) >= $1::int
), counted as (
    delete from @schema@.t_job_crash c where c.ctid = any(array(
        select x.ctid from @schema@.t_job_crash x
        where x.date <= clock_timestamp() - $2::bigint * interval '1 millisecond'
            or (x.tenant, x.class_name) in (select d.tenant, d.class_name from due d)
        limit 1000 for update of x skip locked))
), over as (
    delete from @schema@.t_job_quarantine q where q.ctid = any(array(
        select x.ctid from @schema@.t_job_quarantine x
        where x.until <= clock_timestamp() and (x.tenant, x.class_name) not in (select d.tenant, d.class_name from due d)
        for update of x skip locked))
), q as (
    insert into @schema@.t_job_quarantine (tenant, class_name, until, crashes, reason)
    select d.tenant, d.class_name, clock_timestamp() + $3::bigint * interval '1 millisecond', d.crashes,
        format('%s of its runs crashed within %s s', d.crashes, $2::bigint / 1000)
    from due d order by d.tenant, d.class_name
    on conflict (tenant, class_name) do update set until = excluded.until, crashes = excluded.crashes, reason = excluded.reason
        where t_job_quarantine.until <= clock_timestamp()
    returning tenant, class_name, crashes, until
)
select x.tenant, x.class_name, x.crashes, (extract(epoch from x.until - clock_timestamp()) * 1000)::bigint as left
from (select q.tenant, q.class_name, q.crashes, q.until from q
    union
    select o.tenant, o.class_name, o.crashes, o.until from @schema@.t_job_quarantine o where o.until > clock_timestamp()) x;
