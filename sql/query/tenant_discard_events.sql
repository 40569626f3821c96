-- Takes the events of a tenant out of the outbox.
-- in: tenant, how many outbox rows at most    out: one row (discarded)
select @schema@.tenant_discard_events($1::text, $2::int) as discarded;
