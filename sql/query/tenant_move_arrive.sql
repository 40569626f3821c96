-- The tenant at the target, before its jobs.
-- in: the tenant as JSON, id of the move    out: one row (place)
select @schema@.tenant_move_arrive($1::text, $2::uuid) as place;
