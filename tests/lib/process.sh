# Processes by (pid, start time): a pid alone may be somebody else's after a while. Sourced.
# shellcheck shell=bash

# Clock ticks after boot at which the process started; nothing and status 1 when there is none.
process_start_time() {
    local stat
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    stat=${stat##*) }
    # shellcheck disable=SC2086 # split on purpose; field 22 of the line is the 20th after "(name) "
    set -- $stat
    [ "$1" != Z ] && echo "${20}"
}

# process_alive PID START: does that very process live?
process_alive() {
    local start
    start=$(process_start_time "$1") && [ "$start" = "$2" ]
}

# process_wait_gone PID START SECONDS: status 1 when it still lives after that time.
process_wait_gone() {
    local tries=$(($3 * 20))
    while process_alive "$1" "$2"; do
        [ $((tries--)) -gt 0 ] || return 1
        sleep 0.05
    done
}

# process_end PID START SIGNAL SECONDS: signal, wait, then SIGKILL for it and its process group.
process_end() {
    process_alive "$1" "$2" || return 0
    kill -s "$3" "$1" 2>/dev/null || true
    process_wait_gone "$1" "$2" "$4" && return 0
    kill -s KILL -- "-$1" 2>/dev/null || kill -s KILL "$1" 2>/dev/null || true
    process_wait_gone "$1" "$2" 10
}

# Does it have a terminal? Then it is no server but somebody looking around.
process_has_terminal() { # PID
    local stat
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    stat=${stat##*) }
    # shellcheck disable=SC2086
    set -- $stat
    [ "$5" != 0 ]
}

# The processes without a terminal that work in DIR or below.
process_below() { # DIR
    local cwd
    find /proc/[0-9]*/cwd -maxdepth 0 '(' -lname "$1" -o -lname "$1/*" ')' 2>/dev/null |
        while IFS=/ read -r _ _ cwd _; do
            process_has_terminal "$cwd" || echo "$cwd"
        done
}

# Kills them: servers, and what an interrupted start left before it could be noted.
process_kill_below() { # DIR
    local pids tries=100
    while pids=$(process_below "$1" || true) && [ -n "$pids" ] && [ $((tries--)) -gt 0 ]; do
        # shellcheck disable=SC2086 # a list
        kill -s KILL $pids 2>/dev/null || true
        sleep 0.02
    done
}

# A port of 127.0.0.1 nobody listens on, below the range of outgoing connections, so that it is
# still free after a restart.
process_free_port() {
    local port
    while :; do
        port=$((15000 + (RANDOM * 32768 + RANDOM) % 17000))
        (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}

# process_as USER COMMAND…: runs as USER when we are root (the servers refuse root), else as
# ourselves. The environment is empty but for PATH, LANG and the NAME=value before the command. With
# process_exec=exec it takes the place of the calling (sub)shell.
process_as() {
    local user=$1
    shift
    set -- env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 "$@"
    if [ "$(id -u)" = 0 ]; then
        ${process_exec:-} setpriv --reuid="$user" --regid="$(id -gn "$user")" --init-groups "$@"
    else
        ${process_exec:-} "$@"
    fi
}
