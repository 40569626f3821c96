#!/usr/bin/env bash
# run.sh BUILD: installs that build into a folder of its own and builds programs against it: C by
# pkg-config, C++ by pkg-config, C by find_package. Each prints the same line.
set -euo pipefail
BUILD=$1
SOURCE=$(cd "$(dirname "$0")" && pwd)
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
export CMAKE_GENERATOR=Ninja

cmake --install "$BUILD" --prefix "$WORK/root" >"$WORK/log"
for file in bin/jobsd bin/jobctl include/jobs.h libexec/jobs/jobs-spawner libexec/jobs/jobs-host; do
    [ -f "$WORK/root/$file" ] || { echo "not installed: $file" && exit 1; }
done

PKG_CONFIG_PATH=$(dirname "$(find "$WORK/root" -name jobs.pc)")
export PKG_CONFIG_PATH
LD_LIBRARY_PATH=$(pkg-config --define-variable=prefix="$WORK/root" --variable=libdir jobs)
export LD_LIBRARY_PATH

check() { # PROGRAM
    local line
    line=$("$1")
    [ "$line" = "no tenant: JOBS_EINVAL" ] || { echo "$1 printed: $line" && exit 1; }
}

read -ra flags < <(pkg-config --define-variable=prefix="$WORK/root" --cflags --libs jobs)
"${CC:-cc}" -std=c17 -Wall -Wextra -Wpedantic -Werror "$SOURCE/consumer.c" -o "$WORK/c" "${flags[@]}"
check "$WORK/c"

read -ra flags < <(pkg-config --define-variable=prefix="$WORK/root" --cflags --libs jobs-client)
"${CC:-cc}" -std=c17 "$SOURCE/consumer.c" -o "$WORK/client" "${flags[@]}"
check "$WORK/client"

{
    cmake -S "$SOURCE" -B "$WORK/cmake" -DCMAKE_PREFIX_PATH="$WORK/root" && cmake --build "$WORK/cmake"
} >"$WORK/log" 2>&1 || { cat "$WORK/log" && exit 1; }
check "$WORK/cmake/consumer"

# The examples build outside of the project too.
for example in embedding shared-object-class; do
    {
        cmake -S "$SOURCE/../../examples/$example" -B "$WORK/$example" \
            -DCMAKE_PREFIX_PATH="$WORK/root" &&
            cmake --build "$WORK/$example"
    } >"$WORK/log" 2>&1 || { cat "$WORK/log" && exit 1; }
done

if command -v c++ >/dev/null; then
    c++ -x c++ -std=c++17 -Wall -Wextra -Wpedantic -Werror "$SOURCE/consumer.c" -x none \
        -o "$WORK/c++" "${flags[@]}"
    check "$WORK/c++"
fi
