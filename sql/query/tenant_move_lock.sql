-- Locks a tenant for its move and tells how far it is.
-- in: tenant    out: one row (phase, id, before, as_json, place)
select m.phase, m.id, m.before, m.as_json, m.place from @schema@.tenant_move_lock($1::text) m;
