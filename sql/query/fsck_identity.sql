-- Ready seq and outbox id are drawn one by one: with a cache per session their order would not be that of the changes.
-- out: findings (tenant, id, text)
select null::text as tenant, null::uuid as id, format('sequence %s has cache %s, it must be 1', s.seqrelid::regclass, s.seqcache) as text
from (values ('@schema@.t_job_ready', 'seq'), ('@schema@.t_job_outbox', 'id')) x(name, field)
join pg_catalog.pg_sequence s on s.seqrelid = pg_get_serial_sequence(x.name, x.field)::regclass
where s.seqcache <> 1;
