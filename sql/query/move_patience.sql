-- How long this transaction waits for a lock.
-- in: milliseconds
select set_config('lock_timeout', $1::bigint::text, true);
