#!/usr/bin/env bash
# demo.sh: two tenants, 40 jobs over directories of this machine, every status change watched over AMQP
# and compared with the tables in the end. `./dev demo` starts the servers and calls it.
#
# Needs JOBS_DATASOURCE_MAIN_URL and JOBS_AMQP_URL, jobsd and jobctl on the PATH. Leaves a schema and
# a few exchanges of its own behind; exits 1 with the reason when anything is not as it should be.
set -euo pipefail

ROOT=/usr/share
POOL=6
STARTED=$SECONDS
WORK=$(mktemp -d)
export JOBS_SERVICE=demo-$$ JOBS_DATASOURCE_MAIN_SCHEMA=demo_$$_$RANDOM
export JOBS_CLASS_SHA256_MANIFEST_ROOT=$ROOT JOBS_CLASS_FILE_STATS_ROOT=$ROOT JOBS_POOL_SIZE=$POOL
unset JOBS_TENANT

say() {
    if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then printf '\n\033[1m%s\033[0m\n' "$*"; else printf '\n%s\n' "$*"; fi
}
passed() { printf '  ok  %s\n' "$*"; }
fail() {
    printf '\ndemo: %s\n' "$*" >&2
    [ ! -s "$WORK/jobsd.log" ] || { echo "jobsd said last:" && tail -n 20 "$WORK/jobsd.log"; } >&2
    exit 1
}

# ---- Nothing keeps running after us ----

children=()

end_children() {
    [ ${#children[@]} -gt 0 ] || return 0
    kill -s TERM "${children[@]}" 2>/dev/null || true
    wait "${children[@]}" 2>/dev/null || true
    children=()
}

finish() {
    local status=$?
    trap '' INT TERM HUP
    end_children
    rm -rf "$WORK"
    exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# wait_for SECONDS COMMAND…: until it succeeds; status 1 when the time is over.
wait_for() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.1
    done
}

# ---- What the jobs work on ----

# "files bytes path" of directories whose files can all be read, biggest first: enough to do for a
# progress bar, little enough for a manifest of 1 MiB, and names that a shell compares easily.
directories() {
    find "$ROOT" -xdev -mindepth 1 '(' -readable -printf 'r' -o -printf 'u' ')' -printf '%y %s %P\n' 2>/dev/null |
        LC_ALL=C awk '
            {
                kind = substr($1, 1, 2)
                name = substr($0, length($1 " " $2 " ") + 1)
                bad = kind ~ /^u/ && kind != "ul" || name ~ /[^ -~]|["\\]/
                n = split(name, part, "/")
                for (i = 1; i < n && i <= 3; i++) {
                    path = i == 1 ? part[1] : path "/" part[i]
                    if (bad)
                        unfit[path] = 1
                    if (kind == "rf") {
                        files[path]++
                        bytes[path] += $2
                    }
                }
            }
            END {
                for (path in files)
                    if (!(path in unfit) && path !~ / / && files[path] >= 5 && files[path] <= 2500 && bytes[path] <= 6e7)
                        printf "%d %d %s\n", files[path], bytes[path], path
            }' | sort -k2,2nr -k3
}

# ---- Submitting ----

declare -A tenant_of what_of
jobs=()

submit() { # WHAT TENANT CLASS ARGUMENT…
    local what=$1 tenant=$2 id
    shift 2
    id=$(jobctl submit -t "$tenant" "$@") || fail "a job was not taken: jobctl submit -t $tenant $*"
    jobs+=("$id")
    tenant_of[$id]=$tenant
    what_of[$what]=$id
}

submit_directories() {
    local i directory tenant class priority
    for i in {0..27}; do
        directory=${dirs[i % ${#dirs[@]}]#* * }
        if ((i % 7 < 4)); then tenant=acme; else tenant=beta; fi
        if ((i % 7 == 6)); then class=file-stats; else class=sha256-manifest; fi
        priority=$(((i * 7 % 5 - 2) * 10)) # -20, -10, 0, 10, 20
        submit "directory-$i" "$tenant" "$class" -p "path=$ROOT/$directory" --priority "$priority" \
            --description "$directory" --owner demo
    done
}

submit_others() {
    local i
    submit stopped acme sleep -p ms:=600000 --priority 100 --description "to be stopped"
    submit pending beta sleep -p ms:=500 --pending --description "to be released"
    submit failing acme fail -p "message=the printer is on fire" --attempts 1 --description "fails"
    submit expired beta noop --expires 2020-01-01T00:00:00Z --description "expired"
    submit later acme noop --in 2s --description "not before 2 s"
    submit noop beta noop --description "does nothing"
    for i in 1 2 3; do
        submit "sleep-acme-$i" acme sleep -p ms:=$((i * 2000)) --priority "$i" --description "sleeps $((i * 2)) s"
        submit "sleep-beta-$i" beta sleep -p ms:=$((i * 2200)) --priority "$i" --description "sleeps $((i * 2200)) ms"
    done
}

# ---- Looking ----

# The first member of that name in a line of JSON; values of users stand behind those asked for here.
member() { # NAME LINE
    local pattern="\"$1\":\"?([^\",}]*)"
    [[ $2 =~ $pattern ]] && echo "${BASH_REMATCH[1]}"
}

has_status() { # ID STATUS
    [ "$(member status "$(jobctl show -t "${tenant_of[$1]}" --json "$1")")" = "$2" ]
}

ids_of() { # TENANT
    local id
    for id in "${jobs[@]}"; do [ "${tenant_of[$id]}" != "$1" ] || echo "$id"; done
}

# "acme: 12 of 22 ended, 4 running; …" from the table TENANT CLASS PENDING … ABORTED.
progress_line() {
    jobctl stats | awk 'NR > 1 {
            running[$1] += $6; ended[$1] += $7 + $8 + $9; all[$1] += $3 + $4 + $5 + $6 + $7 + $8 + $9
        }
        END { for (t in all) printf "%s: %d of %d ended, %d running\n", t, ended[t], all[t], running[t] }' |
        sort | paste -sd ';' | sed 's/;/; /g'
}

all_ended() {
    local tenant ids
    for tenant in acme beta; do
        mapfile -t ids < <(ids_of "$tenant")
        jobctl wait -t "$tenant" --timeout 0 "${ids[@]}" >/dev/null 2>&1 || [ $? = 1 ] || return 1
    done
}

# A table with progress bars, as long as the tenant's jobs go on.
watch_tenant() { # TENANT
    local ids status=0
    mapfile -t ids < <(ids_of "$1")
    jobctl watch -t "$1" --interval 200ms &
    children+=("$!")
    jobctl wait -t "$1" --timeout 45s "${ids[@]}" >/dev/null 2>"$WORK/wait" || status=$?
    sleep 0.5 # for those who watch: the last look
    kill -s TERM "${children[-1]}"
    wait "${children[-1]}" || true
    unset 'children[-1]'
    [ $status -le 1 ] || fail "the jobs of $1 do not end: $(cat "$WORK/wait")"
}

# Tables on a terminal, lines elsewhere.
live_view() {
    local end=$((SECONDS + 45))
    if [ -t 1 ]; then
        watch_tenant acme
        watch_tenant beta
        return
    fi
    until all_ended; do
        [ $SECONDS -lt $end ] || fail "the jobs do not end"
        echo "  $(progress_line)"
        sleep 0.5
    done
    echo "  $(progress_line)"
}

# ---- Checks ----

# Applies the subscriber's rule to the events in order of arrival, then compares with the rows.
# Prints what differs, or else the number of events.
compare_events() { # EVENTS ROWS
    awk '
        function member(name,   text) { # of the first such name: values of users come behind
            if (!match($0, "\"" name "\":\"?[^\",}]*"))
                return ""
            text = substr($0, RSTART, RLENGTH)
            sub(/^"[^"]*":"?/, "", text)
            return text
        }
        FILENAME == ARGV[1] {
            id = member("jobId")
            version = member("version") + 0
            if (version == last[id] + 1) {
                last[id] = version
                status[id] = member("jobEventType")
                events++
            } else if (version > last[id]) {
                print "job " id ": event " version " came after event " last[id] + 0
                wrong = 1
            }
            next
        }
        {
            id = member("id")
            rows++
            if (last[id] != member("version") + 0 || status[id] != member("status")) {
                print "job " id " is " member("status") " at version " member("version") \
                    ", its events end at version " last[id] + 0 " with " status[id]
                wrong = 1
            }
            delete last[id]
        }
        END {
            for (id in last) {
                print "events of a job that is nobody'\''s: " id
                wrong = 1
            }
            if (!rows) {
                print "no rows"
                wrong = 1
            }
            if (!wrong)
                print events
            exit wrong
        }' "$1" "$2"
}

events_complete() {
    # A line that is being written at this moment is left for the next look.
    grep -a '}$' "$WORK/events" >"$WORK/events.now" || true
    compare_events "$WORK/events.now" "$WORK/rows" >"$WORK/compared"
}

check_status() { # WHAT STATUS [ERROR-KIND]
    local id=${what_of[$1]} row
    row=$(grep -a "\"id\":\"$id\"" "$WORK/rows") || fail "the job \"$1\" is not listed"
    [ "$(member status "$row")" = "$2" ] || fail "the job \"$1\" is $(member status "$row"), not $2: $row"
    [ $# -lt 3 ] || grep -aq "\"error_kind\":\"$3\"" <<<"$row" || fail "the job \"$1\" is not of kind $3: $row"
}

check_ends() {
    local what
    for what in "${!what_of[@]}"; do
        case $what in
        stopped) check_status "$what" ABORTED ;;
        failing) check_status "$what" FAILED ERROR ;;
        expired) check_status "$what" FAILED EXPIRED ;;
        *) check_status "$what" SUCCEEDED ;;
        esac
    done
    passed "$((${#jobs[@]} - 3)) jobs succeeded, one failed, one expired, one was stopped while it ran"
}

check_events() {
    if ! wait_for 15 events_complete; then
        fail "the events do not agree with the rows: $(head -n 5 "$WORK/compared")"
    fi
    passed "$(cat "$WORK/compared") events came: for each job 1, 2, 3, … up to its row's version and status"
}

# Lines "hash  name" from a manifest as PostgreSQL prints it, and from sha256sum.
manifest_of() { # ID TENANT
    jobctl show -t "$2" --json "$1" | grep -oE '"[^"]+": ?"[0-9a-f]{64}"' |
        sed -E 's/^"(.*)": ?"(.*)"$/\2  \1/' | LC_ALL=C sort -k2
}
sha256sum_of() { # DIRECTORY
    (cd "$1" && find . -type f -printf '%P\0' | xargs -0 sha256sum -- | LC_ALL=C sort -k2)
}

check_manifest() { # JOB-NUMBER
    local id=${what_of[directory-$1]} directory=$ROOT/${dirs[$1 % ${#dirs[@]}]#* * }
    manifest_of "$id" "${tenant_of[$id]}" >"$WORK/ours"
    sha256sum_of "$directory" >"$WORK/theirs"
    [ -s "$WORK/theirs" ] || fail "sha256sum found nothing in $directory"
    cmp -s "$WORK/ours" "$WORK/theirs" ||
        fail "the manifest of $directory is not what sha256sum prints: $(diff "$WORK/ours" "$WORK/theirs" | head -n 5)"
    passed "the manifest of $directory ($(wc -l <"$WORK/ours") files) is what sha256sum prints"
}

check_fsck() {
    jobctl fsck >"$WORK/fsck" 2>&1 || fail "jobctl fsck: $(cat "$WORK/fsck")"
    passed "jobctl fsck finds nothing"
}

# ---- The demo ----

for name in JOBS_DATASOURCE_MAIN_URL JOBS_AMQP_URL; do
    [ -n "${!name:-}" ] || { echo "demo: $name is not set; try ./dev demo" >&2 && exit 2; }
done

mapfile -t dirs < <(directories | head -n 28)
[ ${#dirs[@]} -ge 2 ] || fail "$ROOT has too few directories with files to work on"

say "Tables, and two tenants: acme and beta"
jobctl migrate
for tenant in acme beta; do jobctl tenant create "$tenant"; done

say "A subscriber to all events, then jobsd with $POOL slots"
jobctl events --json --key '#' >"$WORK/events" 2>"$WORK/subscriber" &
children+=("$!")
wait_for 20 grep -q listening "$WORK/subscriber" || fail "no subscription: $(cat "$WORK/subscriber")"
jobsd >"$WORK/jobsd.log" 2>&1 &
children+=("$!")
jobsd_is_up() { jobctl instances 2>/dev/null | grep -q ' UP '; }
wait_for 20 jobsd_is_up || fail "jobsd does not come up"
jobctl instances | cut -c39-

say "Jobs: directories below $ROOT to hash and to measure, and some for the odd ends of life"
submit_others
submit_directories
echo "${#jobs[@]} jobs submitted; one is stopped as soon as it runs, one is released"
wait_for 20 has_status "${what_of[stopped]}" RUNNING || fail "the job to be stopped does not run"
jobctl stop -t acme "${what_of[stopped]}"
jobctl release -t beta "${what_of[pending]}"
live_view

say "Checks"
for tenant in acme beta; do jobctl list -t "$tenant" --limit 1000 --json; done >"$WORK/rows"
check_ends
check_events
check_manifest 0
check_manifest 4
check_fsck

say "The life of the job that was stopped, as a subscriber saw it"
grep -a "\"jobId\":\"${what_of[stopped]}\"" "$WORK/events" |
    sed -E 's/.*"time":"([^"]*)".*"jobEventType":"([^"]*)".*"version":([0-9]*).*/  \3  \1  \2/'

say "Summary"
jobctl stats
end_children
say "All as it should be, after $((SECONDS - STARTED)) s."
