-- At every connect of the dispatcher: no tick of an older session can commit any more (job_tick_begin holds the row FOR KEY SHARE,
-- which FOR UPDATE waits for).
-- in: id    out: one row (epoch), or none when the instance is lost or gone
with l as (
    select i.id from @schema@.t_job_instance i where i.id = $1::uuid and not i.lost for update
)
update @schema@.t_job_instance i
set epoch = i.epoch + 1, tick_pid = pg_backend_pid(),
    tick_start = (select a.backend_start from pg_catalog.pg_stat_activity a where a.pid = pg_backend_pid())
from l where i.id = l.id
returning i.epoch;
