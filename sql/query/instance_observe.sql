-- The other instances that are not lost: did they beat, and is their advisory lock free? A judgement needs several looks.
-- in: own id    out: rows (id, name, heartbeat, lock_free)
select i.id, i.name, i.heartbeat,
    not exists (select from pg_catalog.pg_locks l
        where l.locktype = 'advisory' and l.objsubid = 1 and l.granted
            and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
            and l.classid = (k.key >> 32 & 4294967295)::oid and l.objid = (k.key & 4294967295)::oid) as lock_free
from @schema@.t_job_instance i
cross join lateral (select hashtextextended(current_schema() || '/' || i.id::text, 0) as key) k
where i.id <> $1::uuid and not i.lost;
