#!/usr/bin/env bash
# ./dev bench: measures this machine. PostgreSQL and RabbitMQ come from the environment
# (JOBS_DATASOURCE_MAIN_URL, JOBS_AMQP_URL). Arguments: those of `bench --help`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cd "$root"
mkdir -p build/bench

# The peers' packages, as pinned, outside the sources.
install_peers() {
    local into=build/bench/peers
    mkdir -p "$into"
    cp "$here"/peers/package.json "$here"/peers/package-lock.json "$here"/peers/peer.js "$into"
    (cd "$into" && npm ci --no-audit --no-fund --ignore-scripts >npm.log 2>&1) ||
        { cat "$into/npm.log" >&2 && return 1; }
    export BENCH_PEERS=$root/$into
}

[ "${1:-}" != peers ] || install_peers
exec "${BENCH_PROGRAM:-$root/build/release/bin/bench}" "$@"
