-- Takes the events of a tenant out of the outbox.
-- in: tenant, how many outbox rows at most, mark of tenant_close    out: one row (discarded)
select @schema@.tenant_discard_events($1::text, $2::int) as discarded from (select @schema@.tenant_removing($1::text, $3::text)) closed;
