#!/bin/sh
# Runs the end-to-end tests against the server in $CHAT_SERVER. Arguments go to pytest.
exec "$(dirname "$0")/run_pytest.sh" e2e "$@"
