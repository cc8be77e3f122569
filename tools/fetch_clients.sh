#!/bin/sh
# Makes build/clients, a Python environment with the official clients of tests/clients/requirements.txt.
# Without a network their test skips, so this always succeeds and says why nothing came.
set -u
cd "$(dirname "$0")/.." || exit 0
wanted=tests/clients/requirements.txt
dir=build/clients

give_up() {
  echo "The test of the official clients will skip: $1"
  rm -rf "$dir"
  exit 0
}
cmp -s "$wanted" "$dir/requirements.txt" && exit 0
rm -rf "$dir"
python3 -m venv "$dir" >/dev/null 2>&1 || give_up "python3 -m venv fails (Debian: python3-venv)"
echo "Fetching the clients of $wanted"
timeout 300 "$dir/bin/python" -m pip install --quiet --disable-pip-version-check -r "$wanted" >"$dir/log" 2>&1 ||
  give_up "pip could not fetch them: $(tail -n 1 "$dir/log")"
cp "$wanted" "$dir/requirements.txt"
