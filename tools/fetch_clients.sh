#!/bin/sh
# Makes build/clients, a Python environment with the official clients of tests/clients/requirements.txt, and what drives
# a browser (tests/page/requirements.txt). Without a network their tests skip, so this always succeeds and says why nothing came.
set -u
cd "$(dirname "$0")/.." || exit 0
wanted="tests/clients/requirements.txt tests/page/requirements.txt"
dir=build/clients

give_up() {
  echo "The tests of the official clients and of the page will skip: $1"
  rm -rf "$dir"
  exit 0
}
# shellcheck disable=SC2086  # a list
cat $wanted | cmp -s - "$dir/requirements.txt" && exit 0
rm -rf "$dir"
python3 -m venv "$dir" >/dev/null 2>&1 || give_up "python3 -m venv fails (Debian: python3-venv)"
echo "Fetching the clients of $wanted"
timeout 300 "$dir/bin/python" -m pip install --quiet --disable-pip-version-check -r tests/clients/requirements.txt \
  -r tests/page/requirements.txt >"$dir/log" 2>&1 ||
  give_up "pip could not fetch them: $(tail -n 1 "$dir/log")"
# shellcheck disable=SC2086
cat $wanted >"$dir/requirements.txt"
