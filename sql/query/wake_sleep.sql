-- Says that this instance goes to sleep (submits notify) or is awake. Does not wait: no row = try again.
-- in: $1 instance, $2 asleep    out: one row (done) when it was written
with w as materialized (select w.ctid from @schema@.t_job_wake w for no key update skip locked)
update @schema@.t_job_wake w
set sleepers = case when $2::boolean then array_append(array_remove(w.sleepers, $1::uuid), $1::uuid)
    else array_remove(w.sleepers, $1::uuid) end
where w.ctid = any(array(select w2.ctid from w w2))
returning true as done;
