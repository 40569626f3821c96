-- Have all transactions ended that were writing when the barrier was read?
-- in: barrier (null: read one)    out: one row (barrier): null when all have ended
select @schema@.tenant_settled($1::text) as barrier;
