#!/bin/sh
# Runs every fuzz target for $FUZZ_SECONDS (default 60), from the seeds in fuzz/corpus/NAME/ and what
# earlier runs found in build/fuzz/corpus-NAME/. Findings are left in build/fuzz/findings/.
set -eu
cd "$(dirname "$0")/.."
seconds=${FUZZ_SECONDS:-60}
built=build/fuzz
mkdir -p "$built/findings"
symbolizer=external_symbolizer_path=$(command -v llvm-symbolizer-19 || true)
export ASAN_OPTIONS="$symbolizer:allocator_may_return_null=1" UBSAN_OPTIONS="$symbolizer:print_stacktrace=1"
ran=0
for source in fuzz/*_fuzz.cc; do
  [ -f "$source" ] || continue
  name=$(basename "$source" _fuzz.cc)
  program=$built/targets/${name}_fuzz
  seeds=fuzz/corpus/$name
  finds=$built/corpus-$name
  log=$built/$name.log
  mkdir -p "$finds"
  [ -d "$seeds" ] || seeds=""
  # shellcheck disable=SC2086  # seeds may be empty
  if ! "$program" -max_total_time="$seconds" -max_len="${FUZZ_MAX_LEN:-65536}" -rss_limit_mb=2048 \
    -timeout=10 -print_final_stats=1 -artifact_prefix="$built/findings/$name-" "$finds" $seeds \
    >"$log" 2>&1 </dev/null; then
    tail -n 60 "$log"
    echo "$name: a finding; the input is in $built/findings/, the whole log in $log" >&2
    exit 1
  fi
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  echo "$name: ${runs:-?} executions in ${seconds} s, no finding"
  ran=$((ran + 1))
done
[ "$ran" -gt 0 ] || { echo "There is no fuzz/*_fuzz.cc." >&2; exit 1; }
