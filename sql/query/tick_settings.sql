-- From now on this session ticks: it waits for nobody's lock.
-- out: one row
select set_config('lock_timeout', '100ms', false);
