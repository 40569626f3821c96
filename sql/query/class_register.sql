-- Makes the classes of an instance known.
-- in: class names, at_most_once (arrays of one length)
insert into @schema@.t_job_class as c (class_name, at_most_once)
select u.class_name, u.once from unnest($1::text[], $2::boolean[]) u(class_name, once) order by 1
on conflict (class_name) do update set at_most_once = excluded.at_most_once
    where c.at_most_once <> excluded.at_most_once;
