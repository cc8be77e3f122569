#!/bin/sh
# Remake all golden test data and the fixture model. Run from anywhere:
#     tools/make_goldens.sh TEMPLATE.jinja GEMMA3_TOKENIZER.json [PYTHON]
# PYTHON (default python3) must have the packages of tools/golden-requirements.txt.
set -eu
[ $# -ge 2 ] || { sed -n '2,4p' "$0"; exit 2; }
template=$(realpath "$1")
gemma3=$(realpath "$2")
python=${3:-python3}
case $python in */*) python=$(realpath -s "$python") ;; esac
cd "$(dirname "$0")/.."
export PYTHONDONTWRITEBYTECODE=1
gemma4=$(mktemp)
trap 'rm -f "$gemma4"' EXIT

"$python" tools/make_model_goldens.py tests/golden/models
"$python" tools/make_media_goldens.py tests/golden/models
"$python" tools/make_drafter_goldens.py tests/golden/models
"$python" tools/make_quant_goldens.py tests/golden/quants
"$python" tools/make_fixture.py "$template" tests/fixtures/tiny
"$python" tools/make_gemma4_tokenizer.py "$gemma3" "$gemma4"
"$python" tools/make_tokenizer_goldens.py "$gemma4" tests/fixtures/tiny/tokenizer.json \
    tests/golden/tokenizer
"$python" tools/make_template_goldens.py "$template" tests/golden/template/cases.json
