#!/bin/sh
# bench.sh [OPTION...]: builds the benchmarks and runs each program in build/bench/ with the options.
set -eu
cd "$(dirname "$0")/.."
tools/build.sh -DCARAT_BENCH=ON
ran=0
for program in build/bench/*; do
  if [ -f "$program" ] && [ -x "$program" ]; then
    echo "== $program"
    "$program" "$@"
    ran=$((ran + 1))
  fi
done
[ "$ran" -gt 0 ] || { echo "There is no program in build/bench/." >&2; exit 1; }
