#!/usr/bin/env bash
# The benchmark in small, on the servers of the test run: smoke.sh SERVERS-FILE BUILD-DIRECTORY
set -euo pipefail
JOBS_DATASOURCE_MAIN_URL=$(sed -n 's/^JOBS_TEST_PG_URL=//p' "$1")
JOBS_AMQP_URL=$(sed -n 's/^JOBS_TEST_AMQP_URL=//p' "$1")
export JOBS_DATASOURCE_MAIN_URL JOBS_AMQP_URL
"$2/bin/bench" basic --jobs 600 --runs 1 --samples 5 --limit 50 --out "$2/bench"
"$2/bin/bench" api --seconds 1 --connections 8 --streams 20 --rate 100 --limit 60 --out "$2/bench"
