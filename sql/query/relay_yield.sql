-- Gives the lease of the relay back.
-- in: $1 instance
update @schema@.t_job_relay r set until = '-infinity' where r.instance = $1::uuid;
