-- Discards what arrived of a move that was broken off.
-- in: tenant, id of the move
select @schema@.tenant_move_discard($1::text, $2::uuid);
