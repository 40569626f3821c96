-- At the target, first in the transaction that copies: the tenant is ARRIVING, as it was at the source, in MAINTENANCE, and without
-- its role: one of the same name may be somebody else's here, or not be there.
-- in:  the tenant as JSON (tenant_move_lock), id of the move    out: a place in the queue: those drawn from now on are behind it
-- Errors: JB009 there is a tenant of that name
create or replace function @schema@.tenant_move_arrive(row_of text, id uuid) returns bigint
language plpgsql volatile
set search_path = @schema@, pg_temp
as $$
begin
    perform set_config('synchronous_commit', 'on', true);
    insert into t_tenant
    select t.* from jsonb_populate_record(null::t_tenant, row_of::jsonb || jsonb_build_object('state', 'MAINTENANCE', 'role', null,
        'settings', row_of::jsonb -> 'settings' || jsonb_build_object('move', jsonb_build_object('id', id, 'phase', 'ARRIVING')))) t;
    return nextval('t_job_ready_seq_seq');
exception when unique_violation then
    raise exception using errcode = 'JB009', message = format('the target has a tenant "%s" of its own', row_of::jsonb ->> 'tenant');
end
$$;
