-- What a reload changed.
-- in: id, class names, pool size
update @schema@.t_job_instance set class_names = $2::text[], pool_size = $3::int where id = $1::uuid;
