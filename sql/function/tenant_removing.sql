-- A step of a removal goes on only while the tenant is closed by that removal; nobody opens it before this transaction ends.
-- in:  tenant, mark: of tenant_close
-- Errors: JB008 somebody has opened it, or is moving it, meanwhile
create or replace function @schema@.tenant_removing(of_tenant text, mark text) returns void
language plpgsql volatile
set search_path = @schema@, pg_temp
set lock_timeout = '5s'
as $$
begin
    perform from t_tenant s
    where s.tenant = of_tenant and s.state = 'MAINTENANCE' and s.settings ->> 'removing' = mark
    for share;
    if not found then
        raise exception using errcode = 'JB008',
            message = format('tenant "%s" has been opened again by somebody else: it is not removed', of_tenant);
    end if;
end
$$;
