#!/usr/bin/env bash
# Private servers for tests and development. One directory below /var/tmp holds at most one
# PostgreSQL and one RabbitMQ; many such directories may live side by side. Run it, or source it for
# the functions.
#
#   servers.sh create OWNER        a new directory, printed; removed with its servers when the
#                                  process OWNER ends
#   servers.sh pg-start DIR        prints its URL; started again: old port and data
#   servers.sh pg-stop DIR MODE    fast | immediate | kill
#   servers.sh pg-standby DIR PRIMARY   a synchronous standby of the one in PRIMARY; prints its URL
#   servers.sh pg-promote DIR      makes it a primary
#   servers.sh broker-start DIR    prints its URL; likewise
#   servers.sh broker-stop DIR MODE   fast | kill
#   servers.sh broker-ctl DIR ARGUMENT…   rabbitmqctl
#   servers.sh broker-management DIR   enables the management interface, prints its URL
#   servers.sh remove DIR          stops and deletes everything
#   servers.sh fixture-start FILE | fixture-stop FILE   for ctest: both servers, their URLs in FILE
set -euo pipefail

SERVERS_LIB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SERVERS_BASE=/var/tmp/jobs-servers
# shellcheck source=tests/lib/process.sh
. "$SERVERS_LIB/process.sh"
# shellcheck source=tests/lib/postgres.sh
. "$SERVERS_LIB/postgres.sh"
# shellcheck source=tests/lib/rabbitmq.sh
. "$SERVERS_LIB/rabbitmq.sh"

servers_create() { # OWNER
    local dir start
    servers_sweep
    start=$(process_start_time "$1")
    dir=$(mktemp -d "$SERVERS_BASE.XXXXXX")
    echo "$1 $start" >"$dir/owner"
    chmod 711 "$dir" # the servers, which run as other users, reach their own folders below
    setsid "$SERVERS_LIB/servers.sh" watch "$dir" </dev/null >/dev/null 2>&1 9>&- &
    echo "$dir"
}

# From now on they live until they are removed.
servers_keep() { echo "0 0" >"$1/owner"; } # DIR

servers_kept() { [ "$(cut -d' ' -f1 "$1/owner" 2>/dev/null)" = 0 ]; } # DIR

servers_owner_alive() { # DIR
    local owner start
    { read -r owner start <"$1/owner"; } 2>/dev/null || return 1
    process_alive "$owner" "$start"
}

# Ends the servers of an owner that could not do it (killed, crashed).
servers_watch() { # DIR
    trap '' HUP INT
    cd "$1" # so servers_remove ends it too
    while servers_owner_alive "$1"; do sleep 0.5; done
    cd /
    servers_kept "$1" || servers_remove "$1"
}

servers_remove() { # DIR
    [[ $1 == "$SERVERS_BASE".* && -d $1 ]] || return 0
    # Nobody reads the data again, so no orderly end is needed.
    postgres_stop "$1" immediate
    process_kill_below "$1"
    rm -rf "$1"
}

# Leftovers of runs whose watcher was killed too, or from before a restart of the machine.
servers_sweep() {
    local dir
    for dir in "$SERVERS_BASE".*; do
        [[ -O $dir && -d $dir ]] || continue
        [ -s "$dir/owner" ] || [ -n "$(find "$dir" -maxdepth 0 -mmin +1)" ] || continue # being made
        if servers_left_over "$dir"; then servers_remove "$dir"; fi
    done
}

# Of an owner that is gone; or kept without an owner, and none of them lives.
servers_left_over() { # DIR
    local file pid start
    servers_owner_alive "$1" && return 1
    servers_kept "$1" || return 0
    for file in "$1"/*.pid; do
        { read -r pid start <"$file"; } 2>/dev/null || continue
        process_alive "$pid" "$start" && return 1
    done
    return 0
}

# Both at once; the broker takes longest.
servers_start_both() { # DIR
    local broker
    rabbitmq_start "$1" &
    broker=$!
    postgres_start "$1"
    wait "$broker"
}

servers_fixture_start() { # FILE
    local dir
    servers_fixture_stop "$1"
    dir=$(servers_create "$PPID")
    echo "JOBS_TEST_SERVERS_DIR=$dir" >"$1"
    servers_start_both "$dir"
    echo "JOBS_TEST_PG_URL=$(postgres_url "$dir")" >>"$1"
    echo "JOBS_TEST_AMQP_URL=$(rabbitmq_url "$dir")" >>"$1"
}

servers_fixture_stop() { # FILE
    [ -f "$1" ] || return 0
    servers_remove "$(sed -n 's/^JOBS_TEST_SERVERS_DIR=//p' "$1")"
    rm -f "$1"
}

servers_main() {
    local verb=${1:-}
    [ $# -ge 2 ] || { echo "usage: see the head of $0" >&2 && exit 2; }
    shift
    case $verb in
    create) servers_create "$1" ;;
    watch) servers_watch "$1" ;;
    remove) servers_remove "$1" ;;
    pg-start) postgres_start "$1" && postgres_url "$1" ;;
    pg-stop) postgres_stop "$1" "${2:-fast}" ;;
    pg-standby) postgres_standby "$1" "$2" && postgres_url "$1" ;;
    pg-promote) postgres_promote "$1" ;;
    broker-start) rabbitmq_start "$1" && rabbitmq_url "$1" ;;
    broker-stop) rabbitmq_stop "$1" "${2:-fast}" ;;
    broker-ctl) rabbitmq_ctl "$@" ;;
    broker-management) rabbitmq_management "$1" ;;
    fixture-start) servers_fixture_start "$1" ;;
    fixture-stop) servers_fixture_stop "$1" ;;
    *) echo "unknown verb: $verb" >&2 && exit 2 ;;
    esac
}

[[ ${BASH_SOURCE[0]} != "$0" ]] || servers_main "$@"
