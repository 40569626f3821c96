# A private PostgreSQL in DIR/pg: TCP on 127.0.0.1 only, superuser jobs, durable like a real one.
# Sourced. For measurements: POSTGRES_PRELOAD: a library to load; POSTGRES_BUFFERS: shared_buffers, with the room for WAL of a server
# of that size (checkpoints come by time, not every few seconds).
# shellcheck shell=bash

postgres_bin() {
    local bin
    for bin in /usr/lib/postgresql/15/bin /usr/lib/postgresql/*/bin; do
        [ -x "$bin/postgres" ] && echo "$bin" && return
    done
    echo "no PostgreSQL server programs below /usr/lib/postgresql" >&2
    return 1
}

postgres_make() { # DIR
    local bin pg=$1/pg
    bin=$(postgres_bin)
    mkdir -m 700 "$pg"
    [ "$(id -u)" != 0 ] || chown postgres: "$pg"
    # From within its folder: ours may be closed to the server's user, and the folder tells whose it
    # is.
    (cd "$pg" && process_as postgres "$bin/initdb" --no-sync -D "$pg/data" -U jobs -A trust -E UTF8 \
        --locale=C.UTF-8) >"$1/pg.initdb" 2>&1 || { cat "$1/pg.initdb" >&2 && return 1; }
    process_as postgres tee -a "$pg/data/postgresql.conf" >/dev/null <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
shared_buffers = ${POSTGRES_BUFFERS:-256MB}
max_wal_size = ${POSTGRES_BUFFERS:-1GB}
fsync = on
synchronous_commit = on
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %q%a %d '
CONF
    [ -z "${POSTGRES_PRELOAD:-}" ] || process_as postgres tee -a "$pg/data/postgresql.conf" >/dev/null <<CONF
shared_preload_libraries = '$POSTGRES_PRELOAD'
pg_stat_statements.track = none
CONF
}

postgres_url() { echo "postgresql://jobs@127.0.0.1:$(cat "$1/pg.port")/postgres"; } # DIR

postgres_run() { # DIR
    (cd "$1/pg" && process_as postgres "$(postgres_bin)/pg_ctl" -D "$1/pg/data" -l "$1/pg/log" \
        -w -t 60 -s -o "-p $(cat "$1/pg.port")" start) 9>&-
}

# Starts it, the first time making it; started again it has its old port and data.
postgres_start() { # DIR
    local tries=3
    if [ ! -d "$1/pg" ]; then
        postgres_make "$1"
        until process_free_port >"$1/pg.port" && postgres_run "$1" >"$1/pg.start" 2>&1; do
            [ $((--tries)) -gt 0 ] || { cat "$1/pg.start" "$1/pg/log" >&2 && return 1; }
        done
    else
        postgres_run "$1" >"$1/pg.start" 2>&1 || { cat "$1/pg.start" >&2 && return 1; }
    fi
    postgres_remember "$1"
}

postgres_remember() { # DIR
    local pid
    pid=$(head -n 1 "$1/pg/data/postmaster.pid")
    echo "$pid $(process_start_time "$pid")" >"$1/pg.pid"
}

# A copy of PRIMARY's that follows it, in DIR/pg; from now on each commit there waits for it.
postgres_standby() { # DIR PRIMARY
    local pg=$1/pg bin port
    bin=$(postgres_bin)
    port=$(cat "$2/pg.port")
    mkdir -m 700 "$pg"
    [ "$(id -u)" != 0 ] || chown postgres: "$pg"
    (cd "$pg" && process_as postgres "$bin/pg_basebackup" -D "$pg/data" --no-sync -c fast -R \
        -d "host=127.0.0.1 port=$port user=jobs application_name=standby") >"$1/pg.start" 2>&1 ||
        { cat "$1/pg.start" >&2 && return 1; }
    process_free_port >"$1/pg.port"
    postgres_run "$1" >"$1/pg.start" 2>&1 || { cat "$1/pg.start" "$pg/log" >&2 && return 1; }
    postgres_remember "$1"
    postgres_sql "$2" "alter system set synchronous_standby_names = 'standby'"
    postgres_sql "$2" "select pg_reload_conf()"
    postgres_wait_sync "$2"
}

postgres_sql() { # DIR STATEMENT
    process_as postgres "$(postgres_bin)/psql" -X -A -t -q -d "$(postgres_url "$1")" -c "$2"
}

postgres_wait_sync() { # DIR
    local tries=200
    until [ "$(postgres_sql "$1" "select sync_state from pg_stat_replication")" = sync ]; do
        [ $((tries--)) -gt 0 ] || { echo "the standby does not follow" >&2 && return 1; }
        sleep 0.05
    done
}

postgres_promote() { # DIR
    (cd "$1/pg" && process_as postgres "$(postgres_bin)/pg_ctl" -D "$1/pg/data" -w -t 60 -s promote)
}

# Modes as of pg_ctl: fast (orderly), immediate (a crash: recovery at the next start); kill: SIGKILL
# for all its processes.
postgres_stop() { # DIR MODE
    local pid start
    [ -f "$1/pg.pid" ] || return 0
    read -r pid start <"$1/pg.pid"
    case $2 in
    kill) process_kill_below "$1/pg" ;;
    immediate) process_end "$pid" "$start" QUIT 10 ;;
    *) process_end "$pid" "$start" INT 60 ;;
    esac
    rm -f "$1/pg.pid"
}
