#!/usr/bin/env bash
# Debian packages: packages.sh PACKAGE… installs those that are missing, without starting any system
# server. As root or through sudo; otherwise says what to install.
set -euo pipefail

POLICY=/usr/sbin/policy-rc.d
POLICY_MARK="# no starts while the packages of Jobs are installed"

packages_missing() { # PACKAGE…
    local package
    command -v dpkg-query >/dev/null || return 0 # not Debian: the build says what it lacks
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
            echo "$package"
    done
}

# While packages are configured nothing may start: policy-rc.d says so, and is put back as it was.
packages_policy_restore() {
    rm -f "$POLICY"
    if [ -e "$POLICY.before-jobs" ]; then mv "$POLICY.before-jobs" "$POLICY"; fi
}

packages_policy_forbid() {
    trap packages_policy_restore EXIT
    trap 'exit 130' INT TERM HUP
    # Ours may still be there when an earlier run was killed.
    if [ -e "$POLICY" ] && ! grep -qs "$POLICY_MARK" "$POLICY"; then
        mv "$POLICY" "$POLICY.before-jobs"
    fi
    printf '#!/bin/sh\n%s\nexit 101\n' "$POLICY_MARK" >"$POLICY"
    chmod 755 "$POLICY"
}

packages_apt() {
    DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"
}

# Installing a server of PostgreSQL makes a cluster unless its configuration says no.
packages_no_cluster() {
    local conf=/etc/postgresql-common/createcluster.conf
    packages_apt install --no-install-recommends postgresql-common
    grep -qs '^[[:space:]]*create_main_cluster' "$conf" ||
        echo "create_main_cluster = false" >>"$conf"
}

packages_install() { # PACKAGE…
    exec 8<"$0"
    flock 8 # one at a time
    packages_policy_forbid
    packages_apt update
    [[ " $* " != *" postgresql-15 "* ]] || packages_no_cluster
    packages_apt install --no-install-recommends "$@"
}

packages_main() {
    local missing log
    mapfile -t missing < <(packages_missing "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" = 0 ]; then
        echo "installing ${missing[*]}"
        log=$(mktemp)
        "$0" --install "${missing[@]}" </dev/null >"$log" 2>&1 ||
            { tail -n 30 "$log" && rm -f "$log" && return 1; }
        rm -f "$log"
    elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
        exec sudo "$0" "$@"
    else
        echo "please install: apt-get install ${missing[*]}" >&2
        return 1
    fi
}

if [ "${1:-}" = --install ]; then
    shift
    packages_install "$@"
else
    packages_main "$@"
fi
