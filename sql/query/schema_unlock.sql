select pg_advisory_unlock(hashtextextended('@schema@.t_schema', 0));
