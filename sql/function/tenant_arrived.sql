-- Jobs that came here in a move are not changed before the move is decided: until then they may be taken back. To be asked once the
-- job has been seen.
-- in: tenant    Errors: JB009 it is arriving
create or replace function @schema@.tenant_arrived(of_tenant text) returns void
language plpgsql volatile
set search_path = @schema@, pg_temp
as $$
begin
    perform from t_tenant t where t.tenant = of_tenant and t.settings -> 'move' ->> 'phase' = 'ARRIVING';
    if found then
        raise exception using errcode = 'JB009', message = format('tenant "%s" is arriving from another datasource', of_tenant);
    end if;
end
$$;
