#!/usr/bin/env bash
# run.sh BUILD SERVERS: the dashboard of that build in headless Chromium, on the test servers (a file
# of variables). Screenshots are left in BUILD/page.
set -euo pipefail
BUILD=$1
SOURCE=$(cd "$(dirname "$0")" && pwd)
OUT=$BUILD/page
JOBS_TENANT=acme
mkdir -p "$OUT"
eval "$(cat "$2")"
WORK=$(mktemp -d)
jobsd=
finish() {
    [ -z "$jobsd" ] || { kill "$jobsd" && wait "$jobsd"; } 2>/dev/null || true
    rm -rf "$WORK"
}
trap finish EXIT
trap 'exit 130' INT TERM

# The packages, as pinned, outside the sources; again only when they change.
if ! cmp -s "$SOURCE/package-lock.json" "$OUT/package-lock.json"; then
    rm -f "$OUT/package-lock.json"
    mkdir -p "$WORK/modules"
    cp "$SOURCE/package.json" "$SOURCE/package-lock.json" "$WORK/modules"
    (cd "$WORK/modules" && npm ci --no-audit --no-fund --ignore-scripts >"$OUT/npm.log" 2>&1) ||
        { cat "$OUT/npm.log" && exit 1; }
    rm -rf "$OUT/node_modules"
    mv "$WORK/modules/node_modules" "$OUT/"
    cp "$SOURCE/package-lock.json" "$OUT/"
fi

export JOBS_DATASOURCE_MAIN_URL=$JOBS_TEST_PG_URL JOBS_AMQP_URL=$JOBS_TEST_AMQP_URL
export JOBS_DATASOURCE_MAIN_SCHEMA=page_$$ JOBS_SERVICE=page$$ JOBS_POOL_SIZE=4
JOBS_API_LISTEN=127.0.0.1:$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export JOBS_API_LISTEN
"$BUILD/bin/jobctl" migrate >/dev/null
"$BUILD/bin/jobctl" tenant create "$JOBS_TENANT" >/dev/null
JOBS_TOKEN=$("$BUILD/bin/jobctl" token create page --role admin --all-tenants)
"$BUILD/bin/jobsd" >"$OUT/jobsd.log" 2>&1 &
jobsd=$!
for _ in $(seq 100); do
    ! curl -fsS -o /dev/null "http://$JOBS_API_LISTEN/health/live" 2>/dev/null || break
    kill -0 "$jobsd" 2>/dev/null || { cat "$OUT/jobsd.log" && exit 1; }
    sleep 0.1
done

CHROMIUM=${CHROMIUM:-$(command -v chromium)} SHOTS=$OUT JOBS_MODULES=$OUT JOBS_TENANT=$JOBS_TENANT \
    JOBS_PAGE=http://$JOBS_API_LISTEN JOBS_TOKEN=$JOBS_TOKEN \
    node --test --test-concurrency=1 "$SOURCE/page.test.mjs" "$SOURCE/dashboard.mjs"
