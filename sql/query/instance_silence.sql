-- Ends the sessions of an instance that is taken over: a frozen one keeps its row locks for ever. A pid may be somebody else's by
-- now, so the start of the backend must be the same. One that has beaten since is left alone: the suspicion may be old.
-- in: id, heartbeat it was judged by    out: a row per session (terminated)
select pg_terminate_backend(a.pid) as terminated
from @schema@.t_job_instance i
join pg_catalog.pg_stat_activity a
    on (a.pid = i.tick_pid and a.backend_start = i.tick_start)
    or (a.pid = i.recorder_pid and a.backend_start = i.recorder_start)
    or (a.pid = i.control_pid and a.backend_start = i.control_start)
where i.id = $1::uuid and i.heartbeat = $2::bigint and not i.lost and a.pid <> pg_backend_pid();
