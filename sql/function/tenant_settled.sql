-- Has every transaction of this database ended that was writing when `barrier` was read? Those of other databases do not count.
-- in: barrier: what this function gave before; null: give one    out: the barrier while somebody is waited for, null when all ended
create or replace function @schema@.tenant_settled(barrier text default null) returns text
language plpgsql volatile
set search_path = @schema@, pg_temp
as $$
declare
    snap pg_snapshot := pg_current_snapshot();
begin
    barrier := coalesce(barrier, pg_snapshot_xmax(snap)::text);
    perform from pg_snapshot_xip(snap) x(xid)
    where x.xid < barrier::xid8
        and not exists (select from pg_catalog.pg_locks l join pg_catalog.pg_stat_activity a on a.pid = l.pid
            where l.locktype = 'transactionid' and l.granted and l.mode = 'ExclusiveLock' and l.transactionid = x.xid::xid
                and a.datid <> (select d.oid from pg_catalog.pg_database d where d.datname = current_database()));
    return case when found then barrier end;
end
$$;
