-- Locks what limits these tenants and lanes and says how many of their jobs may be chosen; ready_claim of the same transaction
-- takes it from there.
-- in:  arrays: $1 lanes, $2 tenants, $3 quotas
-- out: a row per element in order: room; held: another instance chooses for it at this moment, so none
select r.room, r.held from @schema@.job_claim_room($1::text[], $2::text[], $3::int[]) r order by r.n;
