-- Takes jobs out of lane '' whose class has a lane by now, and puts them there at their old places. Looks no further than a claim
-- of as many would, and locks only what it takes: what it looks at stays free for the claims of others.
-- in:  arrays: $1 tenants, $2 how many of each at most
-- out: rows (lane, tenant, n): how many of that tenant are in that lane now
with c as materialized (
    select r.ctid, r.id, y.lane
    from unnest($1::text[], $2::int[]) t(tenant, quota)
    cross join lateral (
        select r.ctid, (select k.lane from @schema@.t_job_class k where k.class_name = j.class_name) as lane
        from @schema@.t_job_ready r join @schema@.t_job_info j on j.id = any(array[r.id])
        where r.lane = '' and r.tenant = t.tenant and j.status = 'QUEUED'
        order by r.priority desc, r.seq limit t.quota) y
    cross join lateral (
        select r.ctid, r.id from @schema@.t_job_ready r join @schema@.t_job_info j on j.id = any(array[r.id])
        where r.ctid = any(array[y.ctid]) and r.lane = '' and j.status = 'QUEUED'
        for update of r skip locked for no key update of j skip locked) r
    where y.lane <> ''
), u as (
    update @schema@.t_job_info j set lane = c.lane
    from c
    where j.id = any(array[c.id]) and j.status = 'QUEUED'
    returning j.id, j.lane, j.tenant, j.priority, j.ready_seq
), d as ( -- of those alone that were updated
    delete from @schema@.t_job_ready r where r.ctid = any(array(select c.ctid from c where c.id in (select u.id from u)))
), r as (
    insert into @schema@.t_job_ready (lane, tenant, priority, seq, id)
    select u.lane, u.tenant, u.priority, u.ready_seq, u.id from u
)
select u.lane, u.tenant, count(*) as n from u group by u.lane, u.tenant;
