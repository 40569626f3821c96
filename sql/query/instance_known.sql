-- Is this instance here? At the new address of a datasource: then it is the same database.
-- in: id    out: at most one row (id)
select i.id from @schema@.t_job_instance i where i.id = $1::uuid;
