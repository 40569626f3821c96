-- A clean end: the row goes with its last receipt.
-- in: id    out: rows affected
with w as (
    update @schema@.t_job_wake w set sleepers = array_remove(w.sleepers, $1::uuid) where $1::uuid = any(w.sleepers)
)
delete from @schema@.t_job_instance i
where i.id = $1::uuid and not exists (select from @schema@.t_job_claim c where c.instance = i.id);
