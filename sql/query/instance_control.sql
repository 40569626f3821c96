-- The control connection introduces itself.
-- in: id    out: one row (lost), or none when the instance is gone
update @schema@.t_job_instance i
set control_pid = pg_backend_pid(),
    control_start = (select a.backend_start from pg_catalog.pg_stat_activity a where a.pid = pg_backend_pid())
where i.id = $1::uuid
returning i.lost;
