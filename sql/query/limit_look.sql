-- How many more jobs of limited tenants and lanes could be chosen now, and what are the tenants' limits? Locks nothing.
-- in:  arrays: $1 lanes, $2 tenants
-- out: a row per element in order: room, max_running (null: no limit)
select case when not r.open then 0 else least(r.of_tenant, r.of_lane, r.of_both) end as room,
    (select t.max_running from @schema@.t_tenant t where t.tenant = ($2::text[])[r.n]) as max_running
from @schema@.job_limit_room($1::text[], $2::text[]) r order by r.n;
