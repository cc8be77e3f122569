#!/bin/sh
# Proves that src/page/files is what web/ builds to. Needs Node and a network for its packages; building carat does not.
set -eu
cd "$(dirname "$0")/.."
if ! command -v npm >/dev/null 2>&1; then
  echo "There is no npm: the page's files are not compared with their source."
  exit 0
fi
built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
cd web
npm ci --silent --no-audit --no-fund
npx tsc --noEmit
npx vite build --logLevel error --outDir "$built" --emptyOutDir
diff -r "$built" ../src/page/files || {
  echo "src/page/files is not what web/ builds to: npm run build there, and commit what comes of it" >&2
  exit 1
}
