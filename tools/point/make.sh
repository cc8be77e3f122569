#!/bin/sh
# make.sh PYTHON FOLDER: trains carat-point and its drafter from nothing, or goes on where FOLDER stands, and writes what
# is shipped and said of it: models/point, docs/point-*.{svg,png}, the goldens, and FOLDER/{skills,drafts}.txt, the tables
# of docs/point.md. PYTHON has the packages of requirements.txt. Hours on two cores; STEPS and DRAFTER_STEPS say how many.
set -eu
python=$1
folder=$2
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
steps=${STEPS:-20000}
drafter_steps=${DRAFTER_STEPS:-2000}
"$python" "$here/train.py" "$folder" --steps "$steps" --decay-from $((steps * 3 / 4))
"$python" "$here/train_drafter.py" "$folder" --steps "$drafter_steps" --decay-from $((drafter_steps / 2))
"$python" "$here/export.py" "$folder" "$root/models/point"
"$python" "$here/curves.py" "$folder" "$root/docs"
"$python" "$here/eval/run.py" "$root/models/point" | tee "$folder/skills.txt"
"$python" "$here/eval/drafts.py" "$root/models/point" | tee "$folder/drafts.txt"
rm -rf "$root/tests/golden/point_media"
"$python" "$root/tools/make_point_goldens.py" text
"$python" "$root/tools/make_point_goldens.py" media
