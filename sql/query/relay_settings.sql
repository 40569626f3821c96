-- Settings of the relay's session, after session_settings. A delete that a crash undoes is only a
-- duplicate for subscribers. The ids in hand become a hash table only as a constant of the plan.
-- out: one row
select set_config('synchronous_commit', 'off', false),
    set_config('plan_cache_mode', 'force_custom_plan', false);
