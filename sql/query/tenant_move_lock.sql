-- Locks a tenant for its move and tells how far it is.
-- in: tenant    out: one row (phase, id, before, as_json)
select m.phase, m.id, m.before, m.as_json from @schema@.tenant_move_lock($1::text) m;
