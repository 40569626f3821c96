-- Makes the classes of an instance known and reads their lanes.
-- in: class names, at_most_once (arrays of one length)    out: rows (lane): every lane of these classes
with n as (
    insert into @schema@.t_job_class as c (class_name, at_most_once)
    select u.class_name, u.once from unnest($1::text[], $2::boolean[]) u(class_name, once) order by 1
    on conflict (class_name) do update set at_most_once = excluded.at_most_once
        where c.at_most_once <> excluded.at_most_once
)
select distinct c.lane from @schema@.t_job_class c where c.class_name = any($1::text[]) and c.lane <> '';
