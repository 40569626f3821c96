-- The statements that make a role the one of a tenant, for somebody who may run them.
-- in: tenant, role    out: rows (statement) in order
select x.statement from (values
    (1, format('create role %I login nosuperuser nocreatedb nocreaterole noreplication nobypassrls;', $2::text)),
    (2, format('grant %I to %I;', btrim('@schema@', '"') || '_tenant', $2::text)),
    (3, format('update %I.t_tenant set role = %L where tenant = %L;', btrim('@schema@', '"'), $2::text, $1::text))) x(n, statement)
order by x.n;
