#!/bin/sh
# A job class in shell: counts {"steps": N} down, one second each, and says how far it is.
set -eu
read -r job
steps=$(printf '%s\n' "$job" | sed -n 's/.*"steps": *\([0-9][0-9]*\).*/\1/p')
if [ -z "$steps" ]; then
    echo '{"error": "steps is missing: a whole number", "retry": false}' >&3
    exit 65
fi

echo "{\"count\": $steps}" >&3
left=$steps
while [ "$left" -gt 0 ]; do
    echo "$left to go" # stdout and stderr are kept: jobctl logs ID
    sleep "${SECONDS_PER_STEP:-1}"
    left=$((left - 1))
    echo '{"advance": 1}' >&3
done
echo "{\"result\": {\"steps\": $steps, \"attempt\": $JOBS_ATTEMPT}}" >&3
