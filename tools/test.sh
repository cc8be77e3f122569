#!/bin/sh
# Builds with the tests and runs all but those labelled slow. CARAT_TEST_TOKENIZER tells the tests where
# the real vocabulary lies; a test that misses something it needs skips, and the summary says why.
set -eu
cd "$(dirname "$0")/.."
tools/build.sh -DCARAT_TESTS=ON
tools/fetch_gemma3_tokenizer.sh
tools/fetch_clients.sh
if [ -z "${CARAT_TEST_TOKENIZER:-}" ] && [ -s build/models/gemma4-tokenizer.json ]; then
  CARAT_TEST_TOKENIZER=$PWD/build/models/gemma4-tokenizer.json
  export CARAT_TEST_TOKENIZER
fi
status=0
ctest --test-dir build --output-on-failure --no-tests=error -j2 -LE slow || status=$?
python3 tools/summarise_tests.py build/Testing/Temporary/LastTest.log
exit "$status"
