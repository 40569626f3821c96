-- Who holds rows of these tables in a transaction that is open? The oldest one, and how many others; not the caller itself.
-- in:  tables; barrier: a transaction's number: instead, who has used the tables and writes, whatever it may be, since before that
-- out: a sentence that says who it is, since when, and how to end it; null: nobody
create or replace function @schema@.tenant_holder(tables text[], barrier text default null) returns text
language plpgsql volatile
set search_path = @schema@, pg_temp
as $$
declare
    h record;
begin
    select w.pid, a.usename, a.application_name, a.state, a.xact_start, a.query_start, p.gid, p.owner, p.prepared,
        count(*) over () - 1 as others
    into h
    from (
        select distinct l.pid, l.virtualtransaction from pg_locks l
        where l.locktype = 'relation' and l.relation = any(tables::regclass[]) and l.granted and l.pid is distinct from pg_backend_pid()
            and l.database = (select d.oid from pg_database d where d.datname = current_database())
            and l.mode <> 'ShareUpdateExclusiveLock' -- of vacuum
            and (l.mode <> 'AccessShareLock' or barrier is not null)
    ) w
    left join pg_stat_activity a on a.pid = w.pid
    left join pg_prepared_xacts p on w.pid is null and p.transaction in (select x.transactionid from pg_locks x
        where x.locktype = 'transactionid' and x.virtualtransaction = w.virtualtransaction)
    where barrier is null or exists (
        select from pg_locks x join pg_snapshot_xip(pg_current_snapshot()) s(xid) on s.xid::xid = x.transactionid
        where x.locktype = 'transactionid' and x.granted and x.virtualtransaction = w.virtualtransaction and s.xid < barrier::xid8)
    order by coalesce(a.xact_start, p.prepared) limit 1;
    if not found then
        return null;
    end if;
    return case when h.gid is not null
        then format('the prepared transaction %L of %s, since %s; commit prepared or rollback prepared ends it', h.gid, h.owner,
            job_why_date(h.prepared))
        else format('session %s (%s), its transaction open since %s, %s, its last statement begun %s; if nobody ends it there, '
            '"select pg_terminate_backend(%1$s)" does', h.pid,
            concat_ws(', ', nullif(h.application_name, ''), 'login ' || h.usename), coalesce(job_why_date(h.xact_start), 'unknown'),
            coalesce(h.state, 'state unknown'), coalesce(job_why_date(h.query_start), 'unknown')) end
        || case when h.others > 0 then format(' (and %s more)', h.others) else '' end;
end
$$;
