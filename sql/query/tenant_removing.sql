-- Whether a removal may go on: an error when somebody has opened the tenant meanwhile.
-- in: $1 tenant, $2 mark (tenant_close)
select @schema@.tenant_removing($1::text, $2::text);
