-- Folds deltas into the counts. Those folded before stay in the way while a session holds an older snapshot: the place to begin at
-- leaves them out.
-- in:  $1 how many deltas at most, $2 the place in the table to begin at: '(0,0)': all of it
-- out: one row (folded, last: the last place, $2 if there was none)
with d as (
    delete from @schema@.t_job_count_delta d
    where d.ctid = any(array(select x.ctid from @schema@.t_job_count_delta x where x.ctid >= $2::text::tid limit $1::int
        for update skip locked))
    returning d.tenant, d.class_name, d.status, d.n, d.ctid as place
), s as (
    select d.tenant, d.class_name, d.status, sum(d.n)::bigint as n, sum(greatest(d.n, 0))::bigint as entered from d group by 1, 2, 3 order by 1, 2, 3
), f as (
    insert into @schema@.t_job_count as c (tenant, class_name, status, n, entered)
    select s.tenant, s.class_name, s.status, s.n, s.entered from s where s.n <> 0 or s.entered <> 0
    on conflict (tenant, class_name, status) do update set n = c.n + excluded.n, entered = c.entered + excluded.entered
)
select count(*) as folded, coalesce(max(d.place)::text, $2::text) as last from d;
