-- Makes the classes of an instance known and reads their lanes.
-- in: class names    out: rows (lane): every lane of these classes
with n as (
    insert into @schema@.t_job_class (class_name)
    select u.class_name from unnest($1::text[]) u(class_name) order by 1
    on conflict do nothing
)
select distinct c.lane from @schema@.t_job_class c where c.class_name = any($1::text[]) and c.lane <> '';
