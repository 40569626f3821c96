# A private RabbitMQ in DIR/rabbit with its own epmd, every port on 127.0.0.1 only, user guest.
# Sourced.
# shellcheck shell=bash

# Runs a command with the settings of the broker in DIR. An own configuration file of each kind
# keeps what is configured on the machine out. RABBITMQ_FEATURE_FLAGS: those that a new broker has.
rabbitmq_as() { # DIR COMMAND…
    local dir=$1 amqp dist epmd
    shift
    read -r amqp dist epmd <"$dir/rabbit.ports"
    process_as rabbitmq HOME="$dir/rabbit" \
        ERL_EPMD_PORT="$epmd" ERL_EPMD_ADDRESS=127.0.0.1 ERL_CRASH_DUMP=/dev/null \
        RABBITMQ_NODENAME="jobs$epmd@localhost" RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 \
        RABBITMQ_NODE_PORT="$amqp" RABBITMQ_DIST_PORT="$dist" \
        RABBITMQ_MNESIA_BASE="$dir/rabbit/mnesia" RABBITMQ_LOG_BASE="$dir/rabbit/log" \
        RABBITMQ_LOGS="$dir/rabbit/log/broker.log" \
        RABBITMQ_ENABLED_PLUGINS_FILE="$dir/rabbit/plugins" \
        RABBITMQ_CONF_ENV_FILE="$dir/rabbit/env.conf" RABBITMQ_CONFIG_FILE="$dir/rabbit/broker.conf" \
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +sbwt none" \
        RABBITMQ_CTL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}" \
        ${RABBITMQ_FEATURE_FLAGS:+RABBITMQ_FEATURE_FLAGS="$RABBITMQ_FEATURE_FLAGS"} \
        "$@"
}

rabbitmq_make() { # DIR
    mkdir -m 700 "$1/rabbit" "$1/rabbit/mnesia" "$1/rabbit/log"
    echo "[]." >"$1/rabbit/plugins"
    : >"$1/rabbit/env.conf"
    cat >"$1/rabbit/broker.conf" <<'CONF'
log.file.level = info
disk_free_limit.absolute = 50MB
CONF
    [ "$(id -u)" != 0 ] || chown -R rabbitmq: "$1/rabbit"
}

rabbitmq_url() { # DIR
    local amqp _rest
    read -r amqp _rest <"$1/rabbit.ports"
    echo "amqp://guest:guest@127.0.0.1:$amqp/%2f"
}

# rabbitmq_daemon DIR NAME COMMAND…: in a session of its own, remembered in DIR/NAME.pid. The
# process that is started replaces itself by the command, so its pid and start time are the
# command's.
rabbitmq_daemon() {
    local dir=$1 name=$2 pid
    shift 2
    rm -f "$dir/$name.out" # of the last start: its pid is not ours
    (
        cd "$dir/rabbit" || exit # its working folder tells whose it is
        process_exec="exec" rabbitmq_as "$dir" /bin/sh -c 'echo $$; exec setsid "$@"' sh "$@"
    ) </dev/null >"$dir/$name.out" 2>&1 9>&- &
    until pid=$(head -n 1 "$dir/$name.out" 2>/dev/null) && [ -n "$pid" ]; do sleep 0.02; done
    echo "$pid $(process_start_time "$pid")" >"$dir/$name.pid"
}

rabbitmq_run() { # DIR
    local epmd pid start tries=1200
    read -r _ _ epmd <"$1/rabbit.ports"
    [ -f "$1/epmd.pid" ] || rabbitmq_daemon "$1" epmd epmd -port "$epmd" -address 127.0.0.1
    rm -f "$1/rabbit/log/broker.log"
    rabbitmq_daemon "$1" rabbit env RABBITMQ_ALLOW_INPUT=1 \
        /usr/lib/rabbitmq/bin/rabbitmq-server -noinput
    read -r pid start <"$1/rabbit.pid"
    until grep -qs "Server startup complete" "$1/rabbit/log/broker.log"; do
        process_alive "$pid" "$start" && [ $((--tries)) -gt 0 ] || return 1
        sleep 0.1
    done
}

# Starts it, the first time making it; started again it has its old ports and data.
rabbitmq_start() { # DIR
    local tries=3
    if [ -d "$1/rabbit" ]; then
        rabbitmq_run "$1" || { cat "$1/rabbit.out" >&2 && return 1; }
        return
    fi
    rabbitmq_make "$1"
    until echo "$(process_free_port) $(process_free_port) $(process_free_port)" >"$1/rabbit.ports" &&
        rabbitmq_run "$1"; do
        [ $((--tries)) -gt 0 ] || { cat "$1/rabbit.out" >&2 && return 1; }
        rabbitmq_stop "$1" kill
        rabbitmq_end "$1" epmd KILL
    done
}

rabbitmq_end() { # DIR NAME SIGNAL
    local pid start
    [ -f "$1/$2.pid" ] || return 0
    read -r pid start <"$1/$2.pid"
    process_end "$pid" "$start" "$3" 20
    rm -f "$1/$2.pid"
}

# Modes: fast (orderly), kill (as if the power failed).
rabbitmq_stop() { # DIR MODE
    case $2 in
    kill) rabbitmq_end "$1" rabbit KILL ;;
    *) rabbitmq_end "$1" rabbit TERM ;;
    esac
}

rabbitmq_ctl() { # DIR ARGUMENT…
    local dir=$1
    shift
    (cd "$dir/rabbit" && rabbitmq_as "$dir" /usr/lib/rabbitmq/bin/rabbitmqctl --quiet "$@")
}

# Enables the management interface, which costs seconds: for the tests that ask for it. Prints its
# URL. Several may ask at a time.
rabbitmq_management() { # DIR
    local port
    {
        flock 7
        if [ ! -s "$1/rabbit.management" ]; then
            port=$(process_free_port)
            printf 'management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = %s\n' "$port" \
                >>"$1/rabbit/broker.conf" # for its next start
            rabbitmq_ctl "$1" eval "application:set_env(rabbitmq_management, tcp_config,
                [{port, $port}, {ip, \"127.0.0.1\"}])." >/dev/null
            (cd "$1/rabbit" && rabbitmq_as "$1" /usr/lib/rabbitmq/bin/rabbitmq-plugins --quiet \
                enable rabbitmq_management) >"$1/rabbit.plugins" 2>&1 ||
                { cat "$1/rabbit.plugins" >&2 && return 1; }
            echo "$port" >"$1/rabbit.management"
        fi
    } 7>>"$1/rabbit.management.lock"
    echo "http://guest:guest@127.0.0.1:$(cat "$1/rabbit.management")"
}
