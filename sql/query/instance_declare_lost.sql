-- Declares an instance lost, for good, unless it has beaten since. FOR UPDATE waits for its last tick and keeps the next one out.
-- in: id, heartbeat it was judged by    out: one row (lost) when it is lost now
with l as (
    select i.id from @schema@.t_job_instance i where i.id = $1::uuid and i.heartbeat = $2::bigint and not i.lost for update
)
update @schema@.t_job_instance i set lost = true, lost_date = clock_timestamp() from l where i.id = l.id returning i.lost;
