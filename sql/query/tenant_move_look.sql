-- How far a move is; nothing is locked.
-- in: tenant    out: at most one row (phase, id, before): phase null when it is not being moved; none without such a tenant
select t.settings -> 'move' ->> 'phase' as phase, t.settings -> 'move' ->> 'id' as id, t.settings -> 'move' ->> 'before' as before
from @schema@.t_tenant t where t.tenant = $1::text;
