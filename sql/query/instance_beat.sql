-- Heartbeat: a counter, so that observers need nobody's clock.
-- in: id    out: one row (lost), or none when the instance is gone
update @schema@.t_job_instance i set heartbeat = i.heartbeat + 1 where i.id = $1::uuid returning i.lost;
