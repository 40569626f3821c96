-- Migrations one at a time; held until schema_unlock or the end of the session.
select pg_advisory_lock(hashtextextended('@schema@.t_schema', 0));
