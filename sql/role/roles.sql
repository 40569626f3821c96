-- Makes the three roles of a schema; may be run again. Needs the right to make roles. What they may do follows from
-- sql/function/z_privileges.sql. No password is set: a login gets one by \password, or a certificate by pg_hba.conf.
-- One host's jobsd ends the sessions of another that hangs: let all instances of a datasource log in as the same role.
do $$
declare
    ours text := btrim('@schema@', '"');
    x record;
begin
    for x in select ours || '_' || r.name as name, r.attributes
        from (values ('daemon', 'login'), ('client', 'login'), ('tenant', 'nologin')) r(name, attributes)
    loop
        if octet_length(x.name) > 63 then
            raise exception 'the schema''s name is too long for roles named after it (%)', x.name;
        end if;
        continue when to_regrole(quote_ident(x.name)) is not null;
        begin
            execute format('create role %I %s nosuperuser nocreatedb nocreaterole noreplication nobypassrls', x.name, x.attributes);
        exception when duplicate_object or unique_violation then
            null; -- made by somebody else at this moment
        end;
    end loop;
end
$$;
