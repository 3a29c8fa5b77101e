#!/bin/sh
# sh tests/run.sh              installs what tests need, builds, runs the short tier; ends with ctest's closing line
# sh tests/run.sh long NAME    one of the long ones; what they found goes to tests/results/
#
# Short: the programs with gcc (build/), with clang and sanitizers (build/asan), the fuzz targets (build/fuzz); then one
# ctest over unit tests in both builds, dialogues, lints, brief fuzzing, kills and the quickstart.
# Long:  chroot  both commands of a newcomer on a fresh Debian 12 (debootstrap, root)
#        package the Debian package installed, run, upgraded and removed on a fresh Debian 12 (debootstrap, root)
#        kills   200 kills during syncs, decisions and questions
#        messages  10,000 messages in and what follows out, with kills, cuts, duplicates, in any order
#        fuzz    ten minutes a target (FUZZ_SECONDS changes that)
#        bench   what the parts cost, beside their budgets
set -eu
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1

root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/build
results=$root/tests/results
jobs=$(nproc)

say() {
    echo "run.sh: $(date +%T) $*" >&2
}

die() {
    say "$*"
    exit 1
}

usage() {
    echo "usage: sh tests/run.sh [long chroot|package|kills|messages|fuzz|bench]" >&2
    exit 2
}

# there PACKAGE or PACKAGE(COMMAND): it is installed, or something else has brought its command
there() {
    case $1 in *"("*) command -v "$(expr "$1" : '.*(\(.*\))')" >/dev/null && return 0 ;; esac
    [ "$(dpkg-query -W -f '${db:Status-Status}' "${1%"("*}" 2>/dev/null || :)" = installed ]
}

# install FILE…: packages named there that are not there
install() {
    wanted=
    for package in $(cat "$@" | grep -v '^#'); do
        there "$package" || wanted="$wanted ${package%"("*}"
    done
    [ -n "$wanted" ] || return 0
    say "installing packages:$wanted"
    [ "$(id -u)" -eq 0 ] || die "run this as root once: apt-get update && apt-get install$wanted"
    # At runlevel 1 no service of a new package is started.
    # shellcheck disable=SC2086  # a list of words
    { apt-get -q update && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends $wanted; } >&2
}

# logged NAME COMMAND…: its output is shown only when it fails
logged() {
    log=$build/$1.log
    shift
    "$@" >"$log" 2>&1 || {
        tail -n 60 "$log" >&2
        die "failed: $* (all of it is in $log)"
    }
}

# The compiler is named by CC, which counts when a folder is configured first: changing it in a cache makes cmake forget
# the other options of the same call.
build_plain() {
    say "building with gcc (build/)"
    logged build-plain env CC=gcc cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DGW_WERROR=ON -DGW_CONSOLE=ON \
        "-DGW_SANITIZED_BUILD=$build/asan" "-DGW_FUZZ_BUILD=$build/fuzz"
    logged build-plain ninja -C "$build"
}

build_asan() {
    say "building with clang and sanitizers (build/asan)"
    logged build-asan env CC=clang cmake -S "$root" -B "$build/asan" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DGW_WERROR=ON \
        -DGW_SANITIZE=ON -DGW_CONSOLE=PREBUILT "-DGW_CONSOLE_DIST=$build/gateway/console/dist"
    logged build-asan ninja -C "$build/asan"
}

build_fuzz() {
    say "building the fuzz targets (build/fuzz)"
    logged build-fuzz env CC=clang cmake -S "$root" -B "$build/fuzz" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DGW_FUZZ=ON -DGW_CONSOLE=OFF
    logged build-fuzz ninja -C "$build/fuzz" fuzzers
}

short() {
    install "$root/gateway/packages.txt" "$root/tests/packages.txt"
    mkdir -p "$build"
    build_plain
    build_asan
    build_fuzz
    say "testing"
    # a dialogue mostly waits for the gateway's clocks, so one more than there are processors
    ctest --test-dir "$build" -j $((jobs + 1)) --output-on-failure --no-tests=error
}

# ---- long ones ---------------------------------------------------------------------------------------------------

prepare() {
    install "$root/gateway/packages.txt" "$root/tests/packages.txt"
    mkdir -p "$build" "$results"
}

long_chroot() {
    sh "$root/tests/long/chroot.sh" "$root"
}

long_package() {
    prepare
    build_plain
    sh "$root/tests/long/package.sh" "$build"
}

long_kills() {
    prepare
    build_plain
    GW_BUILD=$build /usr/bin/python3 "$root/tests/crash/kills.py" "${KILLS:-200}" | tee "$results/kills.txt"
}

long_messages() {
    prepare
    build_plain
    GW_BUILD=$build /usr/bin/python3 "$root/tests/crash/messages.py" "${MESSAGES:-10000}" "${KILLS:-60}" >"$results/messages.txt"
    cat "$results/messages.txt"
}

long_fuzz() {
    prepare
    build_fuzz
    : >"$results/fuzz.txt"
    for target in "$build"/fuzz/bin/fuzz_*; do
        say "$(basename "$target")"
        sh "$root/tests/fuzz/run.sh" "$target" "${FUZZ_SECONDS:-600}" | tee -a "$results/fuzz.txt"
        ! tail -n 1 "$results/fuzz.txt" | grep -q FAILED || die "$(basename "$target") found something"
    done
}

long_bench() {
    prepare
    build_plain
    GW_BUILD=$build /usr/bin/python3 "$root/tests/bench/bench.py"
}

case ${1:-} in
"") short ;;
long)
    [ $# -eq 2 ] || usage
    case $2 in chroot | package | kills | messages | fuzz | bench) "long_$2" ;; *) usage ;; esac
    ;;
*) usage ;;
esac
