-- Have all transactions ended that were writing jobs when the barrier was read?
-- in: barrier (null: read one)    out: one row (barrier, holder): who is waited for, null when all have ended
select s.barrier, s.holder from @schema@.tenant_settled($1::text) s;
