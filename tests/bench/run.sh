#!/usr/bin/env bash
# ./dev bench: first figures of this machine. PostgreSQL and RabbitMQ come from the environment (JOBS_DATASOURCE_MAIN_URL,
# JOBS_AMQP_URL). Arguments: those of `bench --help`.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
printf 'machine: %s, %s cores; PostgreSQL and RabbitMQ on the same host, durable commits\n' \
    "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)"
exec "$root/build/release/bin/bench" "$@"
