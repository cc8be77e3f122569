#!/bin/sh
# make.sh PYTHON FOLDER: trains carat-point and its drafter from nothing, or goes on where FOLDER stands, and writes what
# is shipped and measured: models/point, docs/point-*.{svg,png}, the tables of docs/point.md and the goldens. PYTHON has
# the packages of requirements.txt, and the system what it names. Eight to eleven hours on two cores; STEPS and
# DRAFTER_STEPS say how many. What is said in words in docs/point.md and the answers that the README and
# tests/cli_point_test.cc quote are to be looked at afterwards.
set -eu
python=$1
folder=$2
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
steps=${STEPS:-20000}
drafter_steps=${DRAFTER_STEPS:-2000}
for program in ffmpeg c++; do
  command -v "$program" >/dev/null || { echo "make.sh: $program is missing (see requirements.txt)" >&2; exit 2; }
done
"$python" "$here/train.py" "$folder" --steps "$steps" --decay-from $((steps * 3 / 4))
# From a pool on that the model was not trained with: 20,000 steps are about 1,000 pools.
"$python" "$here/train_drafter.py" "$folder" --pool 4000 --steps "$drafter_steps" --decay-from $((drafter_steps / 2))
"$python" "$here/export.py" "$folder" "$root/models/point"
"$python" "$here/curves.py" "$folder" "$root/docs"
"$python" "$here/eval/run.py" "$root/models/point" >"$folder/skills.txt"
"$python" "$here/eval/drafts.py" "$root/models/point" >"$folder/drafts.txt"
"$python" "$here/eval/tables.py" "$root/docs/point.md" "$folder/skills.txt" "$folder/drafts.txt"
"$python" "$root/tools/make_point_fixtures.py"
"$python" "$root/tools/make_point_goldens.py" text
rm -rf "$root/tests/golden/point_media"
"$python" "$root/tools/make_point_goldens.py" media
