-- The tenant is active at the target.
-- in: tenant, id of the move, state
select @schema@.tenant_move_activate($1::text, $2::uuid, $3::text);
