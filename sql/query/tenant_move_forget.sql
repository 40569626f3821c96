-- Ends a move at the source.
-- in: tenant, id of the move, back: the tenant stays
select @schema@.tenant_move_forget($1::text, $2::uuid, $3::boolean);
