-- First step of a move, at the source: the tenant is LEAVING. It is in MAINTENANCE from now on and nothing of it can be set; what
-- runs goes on. Done twice it says what the first one said.
-- in:  tenant; target: the name of the datasource it goes to, for messages; id: of this move
-- out: id: of the move that was begun; before: the state it had
-- Errors: JB001 tenant unknown, JB009 it is being moved elsewhere or arriving
create or replace function @schema@.tenant_move_mark(of_tenant text, target text, inout id uuid, out before text)
language plpgsql volatile
set search_path = @schema@, pg_temp
set lock_timeout = '5s'
as $$
declare
    t record;
begin
    perform set_config('synchronous_commit', 'on', true);
    select x.* into t from t_tenant x where x.tenant = of_tenant for no key update;
    if not found then
        raise exception using errcode = 'JB001', message = format('tenant %s is unknown here', quote_nullable(left(of_tenant, 80)));
    end if;
    if t.settings ? 'move' then
        if t.settings -> 'move' ->> 'target' is distinct from target then
            raise exception using errcode = 'JB009', message = format('tenant "%s" is being moved to datasource %s already',
                of_tenant, t.settings -> 'move' ->> 'target');
        end if;
        id := (t.settings -> 'move' ->> 'id')::uuid;
        before := t.settings -> 'move' ->> 'before';
        return;
    end if;
    before := t.state;
    update t_tenant x set state = 'MAINTENANCE', settings = x.settings - 'removing' || jsonb_build_object('move',
        jsonb_build_object('id', id, 'phase', 'LEAVING', 'target', target, 'before', before))
    where x.tenant = of_tenant;
end
$$;
