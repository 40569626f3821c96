-- First thing in every function that tenants may call; these run as their owner, whom no policy binds. Refuses who is neither
-- trusted with all tenants nor the role of the one that is named. The text is that of a tenant that is not there: a neighbour's
-- existence is not told. The caller is the role that was set, or the login (inside these functions current_user is their owner).
-- in: tenants    Errors: JB001 not the caller's
create or replace function @schema@.job_check_caller(tenants text[]) returns void
language plpgsql stable
set search_path = @schema@, pg_temp
as $$
declare
    caller text := coalesce(nullif(current_setting('role'), 'none'), session_user);
    other text;
begin
    if caller = current_user or has_function_privilege(caller, 'job_any_tenant()', 'execute') then
        return;
    end if;
    select u.tenant into other
    from unnest(tenants) with ordinality u(tenant, n)
    where not exists (select from t_tenant t where t.tenant = u.tenant and t.role = caller)
    order by u.n limit 1;
    if found then
        raise exception using errcode = 'JB001', message = format('tenant %s is unknown here', quote_nullable(left(other, 80)));
    end if;
end
$$;
