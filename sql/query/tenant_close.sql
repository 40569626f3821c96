-- Closes a tenant for its removal.
-- in: tenant    out: one row (mark, before): what tenant_delete wants to see, the state until now
select c.mark, c.before from @schema@.tenant_close($1::text) c;
