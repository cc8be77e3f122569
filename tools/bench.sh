#!/bin/sh
# bench.sh [OPTION...]: builds carat and runs `carat bench` with the options on $MODEL (carat-point if that is not set); a table,
# and a chart in build/bench.svg.
# bench.sh --kernels-only [OPTION...]: builds and runs the benchmarks of single kernels in build/bench/ with the options.
set -eu
cd "$(dirname "$0")/.."
if [ "${1:-}" != --kernels-only ]; then
  tools/build.sh
  build/carat bench ${MODEL:+--model "$MODEL"} --svg build/bench.svg "$@"
  echo "The chart is build/bench.svg."
  exit
fi
shift
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
