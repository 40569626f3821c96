-- Settings of the relay's session, after session_settings. A delete that a crash undoes is only a
-- duplicate for subscribers.
-- out: one row
select set_config('synchronous_commit', 'off', false);
