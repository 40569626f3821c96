-- First statement of every own session: nothing depends on the server's or the role's defaults.
-- in:  $1 schema (quoted), $2 statement_timeout, $3 lock_timeout (texts), $4 whether only index driven plans are wanted
-- out: one row (pid): the backend that answers; another one than the connection's own means a transaction pooler
select pg_backend_pid() as pid,
    set_config('search_path', $1::text || ', pg_temp', false),
    set_config('timezone', 'UTC', false),
    set_config('datestyle', 'ISO', false),
    set_config('intervalstyle', 'postgres', false),
    set_config('default_transaction_isolation', 'read committed', false),
    set_config('default_transaction_read_only', 'off', false),
    set_config('synchronous_commit', 'on', false), -- what is broadcast has been committed for good
    set_config('statement_timeout', $2::text, false),
    set_config('lock_timeout', $3::text, false),
    set_config('idle_in_transaction_session_timeout', '30s', false),
    set_config('idle_session_timeout', '0', false),
    set_config('client_connection_check_interval', '1s', false),
    set_config('jit', 'off', false),
    case when $4::boolean then set_config('enable_seqscan', 'off', false) end,
    case when $4::boolean then set_config('enable_hashjoin', 'off', false) end,
    case when $4::boolean then set_config('enable_mergejoin', 'off', false) end,
    case when $4::boolean then set_config('enable_bitmapscan', 'off', false) end,
    case when $4::boolean then set_config('plan_cache_mode', 'force_generic_plan', false) end;
