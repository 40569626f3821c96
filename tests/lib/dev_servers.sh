# The development servers and the jobsd of `./dev up`: one of each per source tree, noted in
# build/dev. Sourced.
# shellcheck shell=bash

DEV_STATE=build/dev
DEV_BIN=build/release/bin

dev_database() { # DIR: the database "jobs", if it is not there
    local bin url
    bin=$(postgres_bin)
    url=$(postgres_url "$1")
    "$bin/psql" -qAt -d "$url" -c "select 1 from pg_database where datname = 'jobs'" | grep -q 1 ||
        "$bin/psql" -q -d "$url" -c "create database jobs"
}

dev_env() { # DIR
    echo "export JOBS_DATASOURCE_MAIN_URL='$(postgres_url "$1" | sed 's,/postgres$,/jobs,')'"
    echo "export JOBS_AMQP_URL='$(rabbitmq_url "$1")'"
}

# The folder of the servers when both of them live.
dev_servers_dir() {
    local dir name pid start
    { read -r dir <"$DEV_STATE/servers"; } 2>/dev/null || return 1
    for name in pg rabbit epmd; do
        { read -r pid start <"$dir/$name.pid"; } 2>/dev/null || return 1
        process_alive "$pid" "$start" || return 1
    done
    echo "$dir"
}

# Unless they are to be kept they end with us; those that were running before are left alone.
dev_servers_start() { # [keep]
    local dir
    mkdir -p "$DEV_STATE"
    exec 9>"$DEV_STATE/lock"
    flock 9
    if ! dev_servers_dir >/dev/null; then
        dev_servers_stop
        say "starting PostgreSQL and RabbitMQ"
        cleanups+=(dev_servers_stop)
        dir=$(servers_create $$)
        echo "$dir" >"$DEV_STATE/servers"
        run servers_start_both "$dir"
        run dev_database "$dir"
        if [ "${1:-}" = keep ]; then
            servers_keep "$dir"
            cleanups=()
        fi
    fi
    exec 9>&-
}

dev_servers_stop() {
    local dir
    { read -r dir <"$DEV_STATE/servers"; } 2>/dev/null || return 0
    servers_remove "$dir"
    rm -f "$DEV_STATE/servers"
}

dev_servers_env() {
    local dir
    if ! dir=$(dev_servers_dir); then
        echo "the development servers are not running: ./dev servers start" >&2
        return 1
    fi
    dev_env "$dir"
    echo "export PATH='$ROOT/$DEV_BIN':\"\$PATH\""
}

# ---- jobsd ----

# Schema, tenants, and the roots without which the classes that read files are not offered.
dev_jobsd_prepare() {
    local tenant
    eval "$(dev_env "$(dev_servers_dir)")"
    "$DEV_BIN/jobctl" migrate >/dev/null
    for tenant in acme beta; do
        "$DEV_BIN/jobctl" tenant show "$tenant" >/dev/null 2>&1 ||
            "$DEV_BIN/jobctl" tenant create "$tenant" >/dev/null
    done
    cat >"$DEV_STATE/jobsd.properties" <<'TEXT'
jobs.class.sha256-manifest.root = /usr/share
jobs.class.file-stats.root = /usr/share
TEXT
}

# With a token for this run: who has the address and the token may do everything on it.
dev_jobsd_explain() {
    local token url
    token=$("$DEV_BIN/jobctl" token create dev --all-tenants --role admin --expires tomorrow)
    url=http://${JOBS_API_LISTEN:-127.0.0.1:8080}
    cat <<TEXT
Dashboard: $url
  its token, good for a day: $token
  curl -H 'Authorization: Bearer $token' -H 'Content-Type: application/json' \\
    -d '{"class_name": "sleep", "parameters": {"ms": 20000}}' $url/api/v1/tenants/acme/jobs

jobsd runs until Ctrl-C. In another terminal:
  eval "\$(./dev servers env)"
  jobctl submit -t acme sha256-manifest -p path=/usr/share/common-licenses --wait
  jobctl list -t acme
  jobctl events
TEXT
}

# Notes its own pid, then becomes jobsd.
dev_jobsd() {
    echo "$BASHPID $(process_start_time "$BASHPID")" >"$DEV_STATE/jobsd.pid"
    exec "$DEV_BIN/jobsd" -c "$DEV_STATE/jobsd.properties"
}

dev_jobsd_stop() {
    local pid start
    { read -r pid start <"$DEV_STATE/jobsd.pid"; } 2>/dev/null || return 0
    process_end "$pid" "$start" TERM 40
    dev_jobsd_forget
}

dev_jobsd_forget() { rm -f "$DEV_STATE/jobsd.pid"; }
