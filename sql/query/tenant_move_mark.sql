-- First step of a move, at the source.
-- in: tenant, name of the target, id of the move    out: one row (id, before)
select m.id, m.before from @schema@.tenant_move_mark($1::text, $2::text, $3::uuid) m;
