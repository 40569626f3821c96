-- A second session of the dispatcher introduces itself, before it ticks: who takes the instance over, or raises its epoch, ends it.
-- in: id, epoch    out: one row (id), or none when the instance is lost, gone or of another epoch
update @schema@.t_job_instance i
set recorder_pid = pg_backend_pid(),
    recorder_start = (select a.backend_start from pg_catalog.pg_stat_activity a where a.pid = pg_backend_pid())
where i.id = $1::uuid and i.epoch = $2::int and not i.lost
returning i.id;
