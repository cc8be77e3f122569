#!/bin/bash
# tidy.sh [FILE...]: clang-tidy over the given sources, or over all of src/, by the commands of the tidy
# preset. Prints the findings and fails on any. CARAT_JOBS sets how many run side by side (default 2).
#
# One file takes ten seconds, so a file that passed is not looked at again until its preprocessed text,
# comments included, or .clang-tidy changes: build/tidy/passed/ holds their hashes.
set -euo pipefail
cd "$(dirname "$0")/.."
commands=build/tidy/compile_commands.json
[ -f "$commands" ] || { echo "first: cmake --preset tidy" >&2; exit 2; }
mkdir -p build/tidy/passed

# Each line is a file and its compile command; sources for other processors have none.
list_commands() {
  python3 - "$commands" "$PWD" "$@" <<'PYTHON'
import json, pathlib, sys
root, wanted = sys.argv[2], {str(pathlib.Path(name).resolve()) for name in sys.argv[3:]}
for entry in sorted(json.load(open(sys.argv[1])), key=lambda entry: entry["file"]):
    if entry["file"] in wanted or (not wanted and entry["file"].startswith(root + "/src/")):
        print(entry["file"], entry["command"], sep="\t")
PYTHON
}

tidy_one() {
  local file=${1%%$'\t'*} command=${1#*$'\t'} text key output
  text=$(cd build/tidy && eval "${command/ -o */} -E -CC $file" 2>/dev/null) || text=$RANDOM$RANDOM
  key=$({ cat .clang-tidy && printf '%s' "$file$text"; } | sha256sum | cut -d' ' -f1)
  [ -e "build/tidy/passed/$key" ] && return 0
  # Tests are short programs over small sizes: what costs time or overflows only there is no matter.
  local relaxed=""
  [[ $file == *_test.cc ]] && relaxed="--checks=-performance-*,-bugprone-implicit-widening-of-*,\
-bugprone-switch-missing-default-case,-bugprone-string-constructor,-bugprone-empty-catch"
  if output=$(clang-tidy-19 -p build/tidy --quiet ${relaxed:+"$relaxed"} "$file" 2>&1); then
    touch "build/tidy/passed/$key"
  else
    grep -vE '^[0-9]+ warnings? |^Suppressed |^Use -header-filter' <<<"$output"
    return 1
  fi
}
export -f tidy_one

list_commands "$@" | tr '\n' '\0' | xargs -0 -r -n 1 -P "${CARAT_JOBS:-2}" bash -c 'tidy_one "$1"' tidy
