-- The broker user of a tenant, changed when one is given. Two tenants cannot have the same: it proves who sends a command.
-- Errors: JB009 it is being moved
-- in:  $1 tenant, $2 user (null: as it is)
-- out: at most one row (amqp_user, taken): none when there is no such tenant; taken: it is another tenant's, nothing was done
with wanted as (
    select t.tenant, coalesce($2::text, nullif(t.settings ->> 'amqp_user', ''), t.tenant) as amqp_user
    from @schema@.t_tenant t where t.tenant = $1::text
), w as (
    select w.*, exists (select from @schema@.t_tenant o where o.tenant <> w.tenant
        and coalesce(nullif(o.settings ->> 'amqp_user', ''), o.tenant) = w.amqp_user) as taken
    from wanted w
), u as (
    update @schema@.t_tenant t set settings = t.settings || jsonb_build_object('amqp_user', w.amqp_user)
    from w where t.tenant = w.tenant and not w.taken and $2::text is not null and @schema@.tenant_hold(w.tenant)
)
select w.amqp_user, w.taken from w;
