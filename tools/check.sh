#!/bin/bash
# The whole of `make check`: each step is named, timed and must pass before the next one starts.
# CHECK_STEPS="format layers" runs only some of them.
set -euo pipefail
cd "$(dirname "$0")/.."
symbolizer=external_symbolizer_path=$(command -v llvm-symbolizer-19 || true)
export ASAN_OPTIONS=$symbolizer UBSAN_OPTIONS=$symbolizer:print_stacktrace=1
export TSAN_OPTIONS=$symbolizer:halt_on_error=1
steps=${CHECK_STEPS:-format layers walks sizes page kernels tidy asan tsan fuzz}
threaded='^(sys|ops|engine|service|serving|net|api)_test'  # the tests that ThreadSanitizer has something to say about

quietly() {  # runs a command and shows what it printed only if it fails
  local log status=0
  log=$(mktemp)
  "$@" >"$log" 2>&1 || status=$?
  if [ "$status" != 0 ]; then cat "$log"; fi
  rm -f "$log"
  return "$status"
}

step_format() { tools/format.sh --check; }
step_layers() { python3 tools/check_layers.py; }
step_walks() { python3 tools/check_walks.py; }
step_sizes() { python3 tools/check_sizes.py; }
step_page() { tools/check_page.sh; }
step_kernels() { quietly cmake --preset tidy && python3 tools/check_kernel_symbols.py build/tidy; }
step_tidy() { quietly cmake --preset tidy && tools/tidy.sh; }
step_asan() {
  quietly cmake --preset asan && cmake --build --preset asan &&
    ctest --preset asan -j2 -L fast
}
step_tsan() {
  quietly cmake --preset tsan || return
  local targets
  targets=$(ninja -C build/tsan -t targets all | sed -n 's/^\([a-z_]*_test\): phony$/\1/p' |
    grep -E "$threaded" || true)
  if [ -z "$targets" ]; then
    echo "there is no test with threads yet"
    return
  fi
  # shellcheck disable=SC2086
  cmake --build --preset tsan --target $targets &&
    ctest --preset tsan -j2 -R "$threaded"
}
step_fuzz() { quietly cmake --preset fuzz && cmake --build --preset fuzz && tools/fuzz.sh; }

for step in $steps; do
  printf '== %s\n' "$step"
  start=$SECONDS
  # A function called in a condition ignores `set -e`, hence the && between its commands.
  if ! "step_$step"; then
    printf '== %s: FAILED after %d s\n' "$step" $((SECONDS - start))
    exit 1
  fi
  printf '== %s: ok, %d s\n' "$step" $((SECONDS - start))
done
