-- Closes a tenant for its removal: MAINTENANCE, and a mark that stays until somebody sets another state. From when this has been
-- committed and tenant_settled says so, no transaction can add a job to it any more: job_create looks at the state once more after
-- it has written, so each one either sees the mark or was writing by then, and is waited for. No lock is held meanwhile.
-- in:  tenant    out: mark: what tenant_delete wants to see; before: the state until now
-- Errors: JB001 tenant unknown, JB009 it is being moved
create or replace function @schema@.tenant_close(of_tenant text, out mark text, out before text)
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
    elsif t.settings ? 'move' then
        raise exception using errcode = 'JB009', message = format('tenant "%s" is being moved to another datasource', of_tenant);
    end if;
    before := t.state;
    mark := case when t.state = 'MAINTENANCE' then t.settings ->> 'removing' end; -- of a removal that was begun and not ended
    if mark is null then
        mark := pg_current_xact_id()::text;
        update t_tenant x set state = 'MAINTENANCE', settings = x.settings || jsonb_build_object('removing', mark)
        where x.tenant = of_tenant;
    end if;
end
$$;
