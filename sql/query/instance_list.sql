-- Instances of jobsd, the latest first.
-- out: a row each; connected: its control session is there now; classes: how many; running: jobs it has; started_date in
--      microseconds since 1970
select i.id, i.name, i.host, i.pid, i.version, cardinality(i.class_names) as classes, i.pool_size,
    (extract(epoch from i.started_date) * 1000000)::bigint as started_date, i.heartbeat, i.lost,
    exists (select from pg_catalog.pg_stat_activity a
        where a.pid = i.control_pid and (a.backend_start is null or a.backend_start = i.control_start)) as connected,
    (select count(*) from @schema@.t_job_claim c cross join lateral unnest(c.ids) u(id)
        join @schema@.t_job_info j on j.id = any(array[u.id])
        where c.instance = i.id and j.instance = i.id and j.status in ('TO_BE_RUN', 'RUNNING')) as running
from @schema@.t_job_instance i
order by i.started_date desc, i.id;
