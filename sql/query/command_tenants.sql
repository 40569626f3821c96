-- The tenants of this datasource and who may command them over AMQP.
-- out: rows (tenant, amqp_user)
select t.tenant, coalesce(nullif(t.settings ->> 'amqp_user', ''), t.tenant) as amqp_user
from @schema@.t_tenant t;
