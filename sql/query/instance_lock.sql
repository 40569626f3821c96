-- The advisory lock that says: this process lives. Key: hash of schema and instance.
-- in: id    out: one row (locked)
select pg_try_advisory_lock(hashtextextended(current_schema() || '/' || $1::uuid::text, 0)) as locked;
