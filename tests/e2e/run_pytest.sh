#!/bin/sh
# run_pytest.sh FOLDER ARGUMENT…: runs tests/FOLDER with the system's Python against the server in $CHAT_SERVER.
set -u
name=$1
shift
cd "$(dirname "$0")/../$name" || exit 2

if [ -z "${CHAT_SERVER:-}" ] || [ ! -x "$CHAT_SERVER" ]; then
  echo "$name: set CHAT_SERVER to the path of the chat_server executable" >&2
  exit 2
fi
CHAT_SERVER=$(realpath "$CHAT_SERVER")
export CHAT_SERVER PYTHONDONTWRITEBYTECODE=1

/usr/bin/python3 -m pytest "$@"
code=$?

if [ $code -eq 0 ]; then
  echo "$name: passed"
else
  echo "$name: FAILED (pytest exit code $code)"
fi
exit $code
