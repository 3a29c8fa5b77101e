#!/bin/sh
# sh tests/fuzz/run.sh PROGRAM SECONDS: fuzzes one target, starting from its seeds in tests/fuzz/corpus/ (fuzz_json: json/).
# A brief run always begins with the same dice, so that it says the same of the same code; a long one throws new ones.
# What it learns stays beside the program; an input that fails is kept there as well. The last line says how it went.
set -eu
program=$1
seconds=$2
name=$(basename "$program")
here=$(cd "$(dirname "$0")" && pwd)
kept=$(dirname "$program")/../corpus/$name
log=$kept.log
mkdir -p "$kept"
seeds=$here/corpus/${name#fuzz_}
[ -d "$seeds" ] || seeds=
dice=0
[ "$seconds" -gt 10 ] || dice=1
# shellcheck disable=SC2086  # no seeds: no argument
if "$program" -max_total_time="$seconds" -seed="$dice" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$kept-" "$kept" $seeds \
    >"$log" 2>&1; then
    echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs in $seconds s, $(find "$kept" -type f | wc -l) kept, nothing found"
else
    tail -n 60 "$log" >&2
    echo "$name: FAILED, see $log"
    exit 1
fi
