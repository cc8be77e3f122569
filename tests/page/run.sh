#!/bin/sh
# run.sh CARAT: the page's tests, with the packages beside that program where tools/fetch_clients.sh brought them.
python=$(dirname "$1")/clients/bin/python
if [ ! -x "$python" ]; then
  echo "skipped: no Python with what drives a browser: tools/fetch_clients.sh says why"
  exit 77
fi
exec "$python" "$(dirname "$0")/suite.py" "$@"
