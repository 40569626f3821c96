-- Makes tenants and changes their settings, all or none.
-- in: entries (JSON array), mode (create, change, both), dry    out: a row per entry in order (tenant, outcome)
select a.tenant, a.outcome from @schema@.tenant_apply($1::jsonb, $2::text, $3::boolean) a;
