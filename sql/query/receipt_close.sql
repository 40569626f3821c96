-- Deletes receipts whose jobs have all ended.
-- in: $1 instance; arrays: $2 ticks, $3 tenants, $4 lanes
-- Compared as rows, by the primary key's order: no other index can be taken. That by tenant looks as cheap to the planner, and walks over
-- all deleted receipts of the tenant while a snapshot is held (measured: 12 ms for each after five minutes at 2,000 jobs/s).
delete from @schema@.t_job_claim c
where c.ctid = any(array(
    select r.ctid from unnest($2::bigint[], $3::text[], $4::text[]) x(tick, tenant, lane)
    cross join lateral (select c2.ctid from @schema@.t_job_claim c2
        where (c2.instance, c2.tick, c2.tenant, c2.lane) >= ($1::uuid, x.tick, x.tenant, x.lane)
            and (c2.instance, c2.tick, c2.tenant, c2.lane) <= ($1::uuid, x.tick, x.tenant, x.lane)) r));
