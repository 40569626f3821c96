# What `./dev lint` checks. Sourced; run() and say() are the caller's.
# shellcheck shell=bash

lint_sources() { git ls-files -co --exclude-standard -- '*.c' '*.h'; }
lint_scripts() { git ls-files -co --exclude-standard -- dev .ci/run '*.sh'; }

lint_format() {
    say "clang-format"
    lint_sources | run_list clang-format --dry-run --Werror
}

lint_reformat() { lint_sources | run_list clang-format -i; }

lint_shell() {
    say "shellcheck"
    lint_scripts | run_list shellcheck --external-sources
}

# A list on stdin, as arguments of one command.
run_list() {
    local list
    mapfile -t list
    run "$@" "${list[@]}"
}

lint_build() { # COMPILER
    say "warnings of $1"
    mkdir -p build
    run cmake -S . -B "build/lint-$1" -G Ninja -DCMAKE_C_COMPILER="$1" -DJOBS_WERROR=ON \
        -DCMAKE_BUILD_TYPE=RelWithDebInfo >"build/lint-$1.configure" 2>&1 ||
        { cat "build/lint-$1.configure" >&2 && return 1; }
    run cmake --build "build/lint-$1" -- --quiet
}

# Reads the compile commands of the clang build: its warnings come once more, so they are left to that build.
lint_tidy() {
    say "clang-tidy"
    lint_sources | grep '\.c$' | grep -v '^tests/fuzz/' >build/lint-files
    # One file at a time: with several the analyzer of clang 14 mistakes every va_list for an uninitialized one.
    run xargs -a build/lint-files -n 1 -P "$(nproc)" clang-tidy -p build/lint-clang --quiet \
        --extra-arg=-Wno-everything >build/lint-tidy 2>build/lint-tidy.err || { cat build/lint-tidy && return 1; }
}

lint_all() {
    lint_format
    lint_shell
    lint_build gcc
    lint_build clang
    lint_tidy
}
