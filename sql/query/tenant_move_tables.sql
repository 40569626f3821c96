-- What is copied in a move, and the commands for it.
-- in: tenant, by how much places in the queue are lowered    out: a row per copy in order (name, columns, copy_out, copy_in)
select m.name, m.columns, m.copy_out, m.copy_in from @schema@.tenant_move_tables($1::text, $2::bigint) m;
