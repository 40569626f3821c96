-- Last of the functions: who may do what in this schema. Run at every migration and by `jobctl migrate --roles`; what is in place
-- already is left alone, so that it may be run on a busy system.
--
-- The owner of the tables is bound by nothing: row-level security is enabled and never forced. Three roles, named after the
-- schema, get rights once they are there (sql/role/roles.sql makes them):
--   <schema>_daemon  what jobsd does: every row of every table
--   <schema>_client  trusted with all tenants: reads every row, changes jobs through functions
--   <schema>_tenant  group of the tenants' own roles (t_tenant.role): each reads the rows of its tenant, in the tables and columns
--                    named below and nowhere else, and changes jobs through functions, which check the caller
-- Functions of ours are executable by nobody but those named here.
revoke all on all functions in schema @schema@ from public;

do $$
declare
    ours text := btrim('@schema@', '"');
    daemon regrole := to_regrole(quote_ident(ours || '_daemon'));
    client regrole := to_regrole(quote_ident(ours || '_client'));
    tenant regrole := to_regrole(quote_ident(ours || '_tenant'));
    own constant text := 'tenant = any (array(select t.tenant from @schema@.t_tenant t where t.role = current_user::text))';
    of_job constant text := 'exists (select from @schema@.t_job_info j where j.id = job_id)'; -- of those that the caller sees
    x record;
begin
    for x in select c.oid::regclass as name from pg_class c
        where c.relnamespace = to_regnamespace('@schema@') and c.relkind in ('r', 'p') and not c.relrowsecurity
    loop
        execute format('alter table %s enable row level security', x.name);
    end loop;

    -- policies: a table without one for a role shows it nothing
    for x in
        with wanted as (
            select c.oid as relid, p.name, p.command, p.role, p.test
            from pg_class c
            cross join (values ('daemon', 'all', daemon, 'true'), ('client', 'select', client, 'true'))
                p(name, command, role, test)
            where c.relnamespace = to_regnamespace('@schema@') and c.relkind in ('r', 'p')
            union all
            select format('@schema@.%I', t.name)::regclass, 'tenant', 'select', tenant, t.test
            from (values ('t_schema', 'true'), ('t_tenant', 'role = current_user::text'), ('t_job_info', own), ('t_job_attempt', own),
                ('t_job_failure', own), ('t_job_count', own), ('t_job_count_delta', own), ('t_job_quarantine', own), ('t_job_subscription', own),
                ('t_job_parameters', of_job), ('t_job_log', of_job)) t(name, test)
        )
        select w.relid::regclass as name, w.name as policy, p.oid is not null as outdated,
            format('create policy %I on %s for %s to %s using (%s)', w.name, w.relid::regclass, w.command, w.role, w.test) as command
        from wanted w left join pg_policy p on p.polrelid = w.relid and p.polname = w.name
        where w.role is not null
    loop
        continue when x.outdated and x.command = (select obj_description(p.oid, 'pg_policy') from pg_policy p
            where p.polrelid = x.name and p.polname = x.policy);
        if x.outdated then
            execute format('drop policy %I on %s', x.policy, x.name);
        end if;
        execute x.command;
        execute format('comment on policy %I on %s is %L', x.policy, x.name, x.command);
    end loop;

    for x in select r.role from (values (daemon), (client), (tenant)) r(role) where r.role is not null loop
        execute format('grant usage on schema @schema@ to %s', x.role);
    end loop;
    if daemon is not null then
        execute format('grant select, insert, update, delete on all tables in schema @schema@ to %s', daemon);
        execute format('grant usage, select on all sequences in schema @schema@ to %s', daemon);
        execute format('grant execute on all functions in schema @schema@ to %s', daemon);
    end if;
    if client is not null then
        execute format('grant select on all tables in schema @schema@ to %s', client);
        execute format('revoke all on @schema@.t_job_token, @schema@.t_job_audit from %s', client); -- secrets, and who did what
        execute format('grant execute on function @schema@.job_any_tenant(), @schema@.job_class_set(text, int, int), '
            '@schema@.job_class_pause(text, text), @schema@.job_class_resume(text, text) to %s', client);
    end if;
    for x in
        select p.oid::regprocedure as name, r.role
        from pg_proc p cross join (values (client), (tenant)) r(role)
        where p.pronamespace = to_regnamespace('@schema@') and r.role is not null and p.proname = any (array[
            'job_create', 'job_submit', 'job_submit_many', 'job_stop', 'job_stop_many', 'job_release', 'job_retry',
            'job_retry_many', 'job_lock', 'job_narrow', 'job_why', 'job_subscribe', 'job_unsubscribe'])
    loop
        execute format('grant execute on function %s to %s', x.name, x.role);
    end loop;
    if tenant is not null then
        execute format('grant select on @schema@.t_schema, @schema@.t_tenant, @schema@.t_job_attempt, @schema@.t_job_failure, '
            '@schema@.t_job_count, @schema@.t_job_count_delta, @schema@.t_job_quarantine, @schema@.t_job_subscription, @schema@.t_job_parameters, '
            '@schema@.t_job_log, @schema@.v_job, @schema@.v_job_attempt, @schema@.v_job_count to %s', tenant);
        -- of t_job_info what v_job shows: its place in the queue would tell how much the others submit
        execute format('grant select (%s) on @schema@.t_job_info to %s', (
            select string_agg(distinct quote_ident(a.attname), ', ')
            from pg_rewrite r
            join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
                and d.refobjid = '@schema@.t_job_info'::regclass and d.refobjsubid > 0
            join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
            where r.ev_class = '@schema@.v_job'::regclass), tenant);
    end if;
end
$$;
