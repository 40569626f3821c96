-- Deletes receipts whose jobs have all ended.
-- in: $1 instance; arrays: $2 ticks, $3 tenants, $4 lanes
delete from @schema@.t_job_claim c
where c.ctid = any(array(
    select r.ctid from unnest($2::bigint[], $3::text[], $4::text[]) x(tick, tenant, lane)
    cross join lateral (select c2.ctid from @schema@.t_job_claim c2
        where c2.instance = $1::uuid and c2.tick = x.tick and c2.tenant = x.tenant and c2.lane = x.lane) r));
