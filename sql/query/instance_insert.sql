-- Makes this incarnation known, or what a reload changed.
-- in: id, name, host, pid, version, class names, pool size
insert into @schema@.t_job_instance as i (id, name, host, pid, version, class_names, pool_size)
values ($1::uuid, $2::text, $3::text, $4::int, $5::text, $6::text[], $7::int)
on conflict (id) do update set class_names = excluded.class_names, pool_size = excluded.pool_size;
