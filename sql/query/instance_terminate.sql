-- Ends the old tick session of an instance: its backend may not have noticed that its client is gone.
-- in: id    out: one row (terminated), or none
select pg_terminate_backend(a.pid) as terminated
from @schema@.t_job_instance i
join pg_catalog.pg_stat_activity a on a.pid = i.tick_pid and a.backend_start = i.tick_start
where i.id = $1::uuid and a.pid <> pg_backend_pid();
