#!/bin/bash
# run.sh [ARGUMENT...]: starts build/carat on $MODEL, or on the model that it chooses itself: carat-point where no other
# is there. Off a terminal, and with nothing but flags as arguments, it answers what comes on standard input, or, where
# nothing comes, a few questions of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
carat=(build/carat run ${MODEL:+--model "$MODEL"})
for argument in "$@"; do
  case $argument in --*) ;; *) exec "${carat[@]}" "$@" ;; esac  # a prompt, or an option's value
done
if [ -t 0 ]; then exec "${carat[@]}" "$@"; fi
# A second is enough for a pipe that means something; one that never speaks must not hang a script.
if IFS= read -r -t 1 -N 1 first; then
  { printf '%s' "$first" && cat; } | exec "${carat[@]}" "$@"
fi
if [ -n "${MODEL:-}" ]; then exec "${carat[@]}" "$@" "Tell me something."; fi
for question in "Who are you?" "Count from 3 to 9." "Sort these words by the alphabet: pear, fig, apple, melon."; do
  echo "> $question"
  "${carat[@]}" "$@" "$question"
done
