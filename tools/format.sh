#!/bin/sh
# format.sh -i: formats all C++ in place. format.sh --check: fails where something is not formatted.
set -eu
cd "$(dirname "$0")/.."
case "${1:-}" in
  -i) mode="-i" ;;
  --check) mode="--dry-run -Werror" ;;
  *) echo "usage: $0 -i|--check" >&2; exit 2 ;;
esac
# shellcheck disable=SC2086
find src tests fuzz bench \( -name '*.cc' -o -name '*.h' -o -name '*.inc' \) -print0 |
  xargs -0 -r -n 32 -P 2 clang-format-19 --style=file $mode
