#!/usr/bin/env bash
# A short run of a fuzz target: run.sh PROGRAM CORPUS. What it finds is left beside the program.
set -euo pipefail
program=$1 corpus=$2
found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT
exec 3>&1
"$program" -max_total_time="${JOBS_FUZZ_SECONDS:-5}" -max_len=2000 -timeout=10 -rss_limit_mb=1024 \
    -artifact_prefix="$program-" "$found" "$corpus" 2>&1 | tail -n 30 >&3
