-- The migration has ended: the next one may begin.
select pg_advisory_unlock(hashtextextended('@schema@.t_schema', 0));
