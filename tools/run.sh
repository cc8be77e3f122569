#!/bin/sh
# run.sh [OPTION...]: starts build/carat on $MODEL, or on the tiny random model where none is named.
set -eu
cd "$(dirname "$0")/.."
model=${MODEL:-}
if [ -z "$model" ]; then
  model=tests/fixtures/tiny
  echo "This is a tiny random model: its words are noise until carat-point exists." \
    "A real one: make run MODEL=/path/to/gemma-4-12b.gguf" >&2
fi
if [ -t 0 ]; then
  exec build/carat run --model "$model" "$@"
fi
exec build/carat run --model "$model" --max-tokens 48 "$@" "Tell me something." </dev/null
