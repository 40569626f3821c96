-- Makes tenants and changes their settings, all or none; the one place where that is done. What an entry does not name stays as it
-- is, or is the default (t_tenant_default) for a tenant that is made. Takes effect at once; sleeping daemons are told.
-- in:  entries: JSON array of objects: tenant; weight, max_running, max_queued (numbers; null: no limit), state; mode: 'create'
--      (none of them may be there), 'change' (all must be), 'both'; dry: do it, say what was done, and undo it
-- out: a row per entry in order: outcome CREATED, CHANGED or LEFT
-- Errors: JB001 tenant unknown, JB009 it is being moved, 22023 a bad entry, class 22 and 23 for bad values, 55P03 somebody holds one
-- Rows are locked and made in the order of their names: two who apply at the same time wait for each other and then find what is there.
create or replace function @schema@.tenant_apply(entries jsonb, mode text default 'both', dry boolean default false)
returns table (tenant text, outcome text)
language plpgsql volatile
set search_path = @schema@, pg_temp
set lock_timeout = '5s'
as $$
#variable_conflict use_column
declare
    e jsonb;
    place bigint;
    bad text;
    was record;
    is_now record;
    names text[] := '{}';
    places bigint[] := '{}';
    outcomes text[] := '{}';
    wake boolean := false;
begin
    perform set_config('synchronous_commit', 'on', true);
    perform from t_tenant t where t.tenant in (select x.e ->> 'tenant' from jsonb_array_elements(entries) x(e))
    order by t.tenant for no key update;
    begin
        for e, place in select x.e, x.n from jsonb_array_elements(entries) with ordinality x(e, n)
            order by x.e ->> 'tenant' collate "C", x.n
        loop
            names := names || (e ->> 'tenant');
            places := places || place;
            select k into bad from jsonb_object_keys(e) k
            where k <> all ('{tenant,weight,max_running,max_queued,state}') limit 1;
            if found then
                raise exception using errcode = '22023',
                    message = format('tenant "%s": unknown setting "%s"', e ->> 'tenant', left(bad, 80));
            end if;
            select t.* into was from t_tenant t where t.tenant = e ->> 'tenant';
            if not found then
                if mode = 'change' then
                    raise exception using errcode = 'JB001', message = format('tenant "%s" is unknown here', e ->> 'tenant');
                end if;
                insert into t_tenant (tenant, weight, max_running, max_queued, state)
                select e ->> 'tenant', case when e ? 'weight' then (e ->> 'weight')::int else d.weight end,
                    case when e ? 'max_running' then (e ->> 'max_running')::int else d.max_running end,
                    case when e ? 'max_queued' then (e ->> 'max_queued')::int else d.max_queued end,
                    coalesce(e ->> 'state', 'ACTIVE')
                from t_tenant_default d
                on conflict do nothing;
                if found then
                    outcomes := outcomes || 'CREATED'::text;
                    continue;
                end if;
                select t.* into was from t_tenant t where t.tenant = e ->> 'tenant'; -- somebody else has just made it
                if not found then
                    raise exception using errcode = '40001', message = format('tenant "%s" comes and goes, try again', e ->> 'tenant');
                end if;
            end if;
            if mode = 'create' then
                raise exception using errcode = '22023', message = format('tenant "%s" exists already', e ->> 'tenant');
            end if;
            update t_tenant t set weight = case when e ? 'weight' then (e ->> 'weight')::int else t.weight end,
                max_running = case when e ? 'max_running' then (e ->> 'max_running')::int else t.max_running end,
                max_queued = case when e ? 'max_queued' then (e ->> 'max_queued')::int else t.max_queued end,
                state = coalesce(e ->> 'state', t.state),
                settings = case when e ? 'state' then t.settings - 'removing' else t.settings end -- that ends a removal
            where t.tenant = e ->> 'tenant'
            returning t.* into is_now;
            if was.settings ? 'move' and was is distinct from is_now then
                raise exception using errcode = 'JB009', message = format(
                    'tenant "%s" is being moved to another datasource: nothing of it can be changed before that has ended',
                    e ->> 'tenant');
            end if;
            wake := wake or (was is distinct from is_now and is_now.state <> 'PAUSED');
            outcomes := outcomes || case when was is distinct from is_now then 'CHANGED' else 'LEFT' end::text;
        end loop;
        if wake and exists (select from t_job_wake where sleepers <> '{}') then
            perform pg_notify(current_schema(), '');
        end if;
        if dry then
            raise exception using errcode = 'JBDRY', message = 'dry';
        end if;
    exception when sqlstate 'JBDRY' then
        null; -- all that was done in this block is undone
    end;
    return query select u.tenant, u.outcome from unnest(names, outcomes, places) u(tenant, outcome, place) order by u.place;
end
$$;
