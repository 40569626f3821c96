-- Sets limits of a class.
-- in: class name; whether to change max_running, and to what (null: no limit); the same for max_running_per_tenant
-- out: one row
select @schema@.job_class_set($1::text,
    case when $2::boolean then $3::int
        else (select k.max_running from @schema@.t_job_class k where k.class_name = $1::text) end,
    case when $4::boolean then $5::int
        else (select k.max_running_per_tenant from @schema@.t_job_class k where k.class_name = $1::text) end);
