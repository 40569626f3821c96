-- The tenant has left the source.
-- in: tenant, id of the move
select @schema@.tenant_move_leave($1::text, $2::uuid);
