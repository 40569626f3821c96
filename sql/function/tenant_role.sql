-- Makes a role of PostgreSQL the one of a tenant: who is it (by login or SET ROLE) sees and commands this tenant's jobs and no
-- other's. A role that is not there is made, for logins, without a password.
-- in:  tenant; role (null: the tenant has none from now on; the role itself stays)
-- out: the role as statements show it, null for none
-- Errors: JB001 tenant unknown, JB009 it is being moved, 22023 a role that would see more, or the roles of this schema are missing; 42501 may not make roles
create or replace function @schema@.tenant_role(of_tenant text, of_role text) returns text
language plpgsql volatile
set search_path = @schema@, pg_temp
as $$
declare
    ours constant text := btrim('@schema@', '"');
    r record;
begin
    perform set_config('synchronous_commit', 'on', true);
    if to_regrole(quote_ident(ours || '_tenant')) is null then
        raise exception using errcode = '22023', message =
            format('there is no role "%s_tenant" yet: run `jobctl migrate --roles` first', ours);
    end if;
    if of_role is not null and to_regrole(quote_ident(of_role)) is null then
        execute format('create role %I login nosuperuser nocreatedb nocreaterole noreplication nobypassrls', of_role);
    end if;
    select a.rolsuper or a.rolbypassrls as mighty,
        pg_has_role(a.oid, n.nspowner, 'MEMBER') or has_function_privilege(a.oid, 'job_any_tenant()', 'execute') as trusted,
        a.rolname in (ours || '_tenant', ours || '_daemon', ours || '_client') as reserved
    into r
    from pg_roles a cross join pg_namespace n
    where a.rolname = of_role and n.oid = to_regnamespace('@schema@');
    if r.mighty or r.trusted or r.reserved then
        raise exception using errcode = '22023', message =
            format('role "%s" cannot be a tenant''s: it %s', of_role, case when r.mighty then 'passes row-level security'
                when r.reserved then 'is one of those that serve all tenants' else 'may see every tenant' end);
    end if;
    perform tenant_hold(of_tenant);
    update t_tenant t set role = of_role where t.tenant = of_tenant;
    if of_role is not null and not pg_has_role(of_role, ours || '_tenant', 'MEMBER') then
        execute format('grant %I to %I', ours || '_tenant', of_role);
    end if;
    return of_role;
end
$$;
