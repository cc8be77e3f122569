#!/bin/bash
# run.sh [ARGUMENT...]: starts build/carat on $MODEL, or on the tiny random model where none is named. Off a
# terminal, and with nothing but flags as arguments, it answers what comes on standard input, or, where nothing
# comes, a question of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
model=${MODEL:-}
limit=()
if [ -z "$model" ]; then
  model=tests/fixtures/tiny
  limit=(--max-tokens 48)
  echo "This is a tiny random model: its words are noise until carat-point exists." \
    "A real one: make run MODEL=/path/to/gemma-4-12b.gguf" >&2
fi
carat=(build/carat run --model "$model")
for argument in "$@"; do
  case $argument in --*) ;; *) exec "${carat[@]}" "$@" ;; esac  # a prompt, or an option's value
done
if [ -t 0 ]; then exec "${carat[@]}" "$@"; fi
# A second is enough for a pipe that means something; one that never speaks must not hang a script.
if IFS= read -r -t 1 -N 1 first; then
  { printf '%s' "$first" && cat; } | exec "${carat[@]}" "${limit[@]}" "$@"
fi
exec "${carat[@]}" "${limit[@]}" "$@" "Tell me something."
