-- Ends the old tick sessions of an instance: their backends may not have noticed that their client is gone.
-- in: id    out: a row per session (terminated)
select pg_terminate_backend(a.pid) as terminated
from @schema@.t_job_instance i
join pg_catalog.pg_stat_activity a
    on (a.pid = i.tick_pid and a.backend_start = i.tick_start)
    or (a.pid = i.recorder_pid and a.backend_start = i.recorder_start)
where i.id = $1::uuid and a.pid <> pg_backend_pid();
