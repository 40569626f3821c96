-- What is copied in a move, in this order, and the commands for it. At the source a command deletes what it gives out: until its
-- transaction ends nobody can change it, and those who try wait. Ready rows and timers come twice: the second time nobody can add
-- one any more. Timers arrive with the date "infinity", so that none is due before tenant_move_activate.
-- Places in the queue are lowered, all by the same number, so that they are below those that the target draws.
-- Not copied: receipts (nothing runs), counts (made anew), shares.
-- in:  tenant, lower: by how much    out: a row per copy: name; columns: must be the same at both ends; copy_out, copy_in: COPY commands
create or replace function @schema@.tenant_move_tables(of_tenant text, lower bigint)
returns table (name text, columns text, copy_out text, copy_in text)
language plpgsql stable
set search_path = @schema@, pg_temp
as $$
#variable_conflict use_column
begin
    return query
    with columns as (
        select c.relname::text as name, string_agg(quote_ident(a.attname), ', ' order by a.attnum) as list,
            string_agg(case when c.relname = 't_job_timer' and a.attname = 'due' then '''infinity''::timestamptz'
                when (c.relname, a.attname) in (('t_job_ready', 'seq'), ('t_job_info', 'ready_seq'))
                    then format('x.%I - %s', a.attname, lower)
                else 'x.' || quote_ident(a.attname) end, ', ' order by a.attnum) as given,
            bool_or(a.attname = 'tenant') as by_tenant, bool_or(a.attname = 'job_id') as by_job
        from pg_catalog.pg_class c join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relnamespace = to_regnamespace(current_schema()) and c.relkind in ('r', 'p')
            and (a.attidentity = '' or c.relname = 't_job_ready') -- other numbers are drawn at the target
        group by c.relname
    ), steps(n, name) as (
        values (1, 't_job_ready'), (2, 't_job_timer'), (3, 't_job_parameters'), (4, 't_job_log'), (5, 't_job_info'),
            (7, 't_job_ready'), (8, 't_job_timer')
        union all
        select 6, c.name from columns c
        where c.by_tenant and c.name not in ('t_tenant', 't_job_info', 't_job_ready', 't_job_timer', 't_job_claim', 't_job_count',
            't_job_count_delta', 't_job_share', 't_job_outbox_parked')
    )
    select s.name, c.list,
        format('copy (delete from @schema@.%I x%s where %s returning %s) to stdout', s.name,
            case when c.by_tenant then '' else ' using @schema@.t_job_info j' end,
            case when c.by_tenant then format('x.tenant = %L', of_tenant)
                else format('x.job_id = j.id and j.tenant = %L', of_tenant) end, c.given),
        format('copy @schema@.%I (%s) from stdin', s.name, c.list)
    from steps s join columns c on c.name = s.name
    order by s.n, s.name;

    -- events that are not broadcast yet: this tenant's part of each outbox row, in order, and what is parked, at one moment (a relay
    -- may be parking); they are taken out by tenant_move_leave
    return query
    select 't_job_outbox'::text, x.list,
        format('copy (select %3$s from (select p.id as place, %3$s from @schema@.t_job_outbox_parked p where p.tenant = %4$L '
            'union all select o.id, e.* from @schema@.t_job_outbox o cross join lateral (select %1$s from unnest(%2$s) with '
            'ordinality u(%3$s, n) where u.tenants = %4$L) e where %4$L = any(o.tenants)) y order by y.place) to stdout',
            x.aggregated, x.of_row, x.list, of_tenant),
        format('copy @schema@.t_job_outbox (%s) from stdin', x.list)
    from (select string_agg(quote_ident(a.attname), ', ' order by a.attnum) as list,
            string_agg(format('array_agg(u.%I order by u.n) as %1$I', a.attname), ', ' order by a.attnum) as aggregated,
            string_agg(format('o.%I', a.attname), ', ' order by a.attnum) as of_row
        from pg_catalog.pg_attribute a
        where a.attrelid = 't_job_outbox'::regclass and a.attnum > 0 and not a.attisdropped and a.attname <> 'id') x;
end
$$;
