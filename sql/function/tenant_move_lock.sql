-- Locks a tenant's row until the end of the transaction, so that there is one move of it at a time, and tells how far it is.
-- in:  tenant    out: phase: LEAVING, LEFT or ARRIVING; null when it is not being moved; id; before: the state it had; as_json: the
--      tenant; place: one in the queue behind all that are taken
-- Errors: JB001 tenant unknown, 55P03 another move is at work
create or replace function @schema@.tenant_move_lock(of_tenant text, out phase text, out id uuid, out before text, out as_json text,
    out place bigint)
language plpgsql volatile
set search_path = @schema@, pg_temp
as $$
begin
    select t.settings -> 'move' ->> 'phase', (t.settings -> 'move' ->> 'id')::uuid, t.settings -> 'move' ->> 'before',
        to_jsonb(t)::text, nextval('t_job_ready_seq_seq')
    into phase, id, before, as_json, place from t_tenant t where t.tenant = of_tenant for update nowait;
    if not found then
        raise exception using errcode = 'JB001', message = format('tenant %s is unknown here', quote_nullable(left(of_tenant, 80)));
    end if;
end
$$;
