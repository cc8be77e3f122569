#!/bin/sh
# build.sh [CMAKE OPTION...]: configures build/ for release where needed and builds it. The options
# stay in the build folder's cache, so a later plain call keeps them.
set -eu
cd "$(dirname "$0")/.."
if [ ! -f build/build.ninja ]; then
  set -- -DCARAT_TESTS=OFF -DCARAT_BENCH=OFF "$@"  # later options win
fi
if [ $# -gt 0 ]; then
  cmake --log-level=WARNING --preset release "$@" >/dev/null
fi
exec cmake --build build
