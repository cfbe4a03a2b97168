#!/bin/sh
# Runs the end-to-end tests against the server in $CHAT_SERVER. Arguments go to pytest.
set -u
cd "$(dirname "$0")" || exit 2

if [ -z "${CHAT_SERVER:-}" ] || [ ! -x "$CHAT_SERVER" ]; then
  echo "e2e: set CHAT_SERVER to the path of the chat_server executable" >&2
  exit 2
fi
CHAT_SERVER=$(realpath "$CHAT_SERVER")
export CHAT_SERVER PYTHONDONTWRITEBYTECODE=1

/usr/bin/python3 -m pytest "$@"
code=$?

if [ $code -eq 0 ]; then
  echo "e2e: passed"
else
  echo "e2e: FAILED (pytest exit code $code)"
fi
exit $code
