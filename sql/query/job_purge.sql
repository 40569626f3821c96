-- Retention: walks jobs in the order of their ids and removes those that ended long enough ago, with all that belongs to them. Locked
-- ones stay; so does one that somebody holds or has just queued again (what is deleted is tested on the locked row).
-- in:  $1 id to go on after (null: from the start), $2 how many jobs to look at; milliseconds to keep those that are $3 SUCCEEDED,
--      $4 FAILED, $5 ABORTED (null: for ever); $6 tenant (null: all)
-- out: one row (last, looked, removed): last id looked at (null: the end was reached), numbers
with w as materialized (
    select j.id, j.stop_date from @schema@.t_job_info j
    where j.id > coalesce($1::uuid, '00000000-0000-0000-0000-000000000000')
    order by j.id limit $2::int
), k as materialized (
    select j.id from w join @schema@.t_job_info j on j.id = any(array[w.id])
    -- most are younger, or have not ended: the walk need not look them up once more
    where w.stop_date < clock_timestamp() - interval '1 millisecond' * least($3::bigint, $4::bigint, $5::bigint)
        and not j.locked and ($6::text is null or j.tenant = $6::text)
        and j.stop_date < clock_timestamp() - interval '1 millisecond' * case j.status
            when 'SUCCEEDED' then $3::bigint when 'FAILED' then $4::bigint when 'ABORTED' then $5::bigint end
    for update of j skip locked
), d as (
    delete from @schema@.t_job_info j using k where j.id = any(array[k.id])
    returning j.id, j.tenant, j.class_name, j.status
), p as (
    delete from @schema@.t_job_parameters p using d where p.job_id = any(array[d.id])
), a as (
    delete from @schema@.t_job_attempt a using d where a.job_id = any(array[d.id])
), l as (
    delete from @schema@.t_job_log l using d where l.job_id = any(array[d.id])
), f as (
    delete from @schema@.t_job_failure f using d where f.tenant = any(array[d.tenant]) and f.id = any(array[d.id])
), c as (
    insert into @schema@.t_job_count_delta (tenant, class_name, status, n)
    select d.tenant, d.class_name, d.status, -count(*) from d group by 1, 2, 3
)
select case when count(*) = $2::int then (select w.id from w order by w.id desc limit 1) end as last, count(*) as looked,
    (select count(*) from d) as removed
from w;
