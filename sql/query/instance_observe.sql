-- The other instances that are not lost: did they beat, and is their control session gone? A judgement needs several looks.
-- The session counts, and no advisory lock: any role of the database could hold that and so keep a dead instance alive, or take it
-- from a living one. Of a session of another role the start cannot be read: then its pid has to do, and the heartbeat.
-- in: own id    out: rows (id, name, heartbeat, gone)
select i.id, i.name, i.heartbeat,
    not exists (select from pg_catalog.pg_stat_activity a
        where a.pid = i.control_pid and (a.backend_start is null or a.backend_start = i.control_start)) as gone
from @schema@.t_job_instance i
where i.id <> $1::uuid and not i.lost;
