# What `./dev lint` checks. Sourced; run() and say() are the caller's.
# shellcheck shell=bash

lint_find() { find module sql amqp tenant tests examples -type f "$@"; }
lint_sources() { lint_find -name '*.[ch]'; }
lint_scripts() { echo dev && echo .ci/run && lint_find -name '*.sh'; }

# run_on LIST-FUNCTION COMMAND…: with what the function lists as further arguments.
run_on() {
    local list
    mapfile -t list < <("$1")
    shift
    run "$@" "${list[@]}"
}

lint_reformat() { run_on lint_sources clang-format -i; }

lint_format() {
    say "clang-format"
    run_on lint_sources clang-format --dry-run --Werror
}

lint_shell() {
    say "shellcheck"
    run_on lint_scripts shellcheck --external-sources
}

lint_build() { # COMPILER
    say "warnings of $1"
    mkdir -p build
    run cmake -S . -B "build/lint-$1" -G Ninja -DCMAKE_C_COMPILER="$1" -DJOBS_WERROR=ON \
        -DCMAKE_BUILD_TYPE=RelWithDebInfo >"build/lint-$1.configure" 2>&1 ||
        { cat "build/lint-$1.configure" >&2 && return 1; }
    run cmake --build "build/lint-$1" -- --quiet
}

# Reads the compile commands of the clang build: its warnings come once more, so they are left to
# that build.
lint_tidy() {
    say "clang-tidy"
    lint_find -name '*.c' | grep -vE '^tests/(fuzz|install)/' >build/lint-files
    # One file at a time: with several the analyzer of clang 14 mistakes every va_list for an
    # uninitialized one.
    run xargs -a build/lint-files -n 1 -P "$(nproc)" clang-tidy -p build/lint-clang --quiet \
        --extra-arg=-Wno-everything >build/lint-tidy 2>build/lint-tidy.err ||
        { cat build/lint-tidy && return 1; }
}

lint_all() {
    lint_format
    lint_shell
    lint_build gcc
    lint_build clang
    lint_tidy
}
