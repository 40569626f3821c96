-- First in what writes about a tenant as such and not about one of its jobs: it is neither removed nor moved before this transaction
-- ends, and while it is being moved nothing is written that could stay behind.
-- in: tenant    out: true    Errors: JB001 tenant unknown, JB009 it is being moved
create or replace function @schema@.tenant_hold(of_tenant text) returns boolean
language plpgsql volatile
set search_path = @schema@, pg_temp
as $$
begin
    perform from t_tenant t where t.tenant = of_tenant and not t.settings ? 'move' for key share;
    if found then
        return true;
    end if;
    perform from t_tenant t where t.tenant = of_tenant;
    if not found then
        raise exception using errcode = 'JB001', message = format('tenant %s is unknown here', quote_nullable(left(of_tenant, 80)));
    end if;
    raise exception using errcode = 'JB009', message = format(
        'tenant "%s" is being moved to another datasource: nothing of it can be changed before that has ended', of_tenant);
end
$$;
