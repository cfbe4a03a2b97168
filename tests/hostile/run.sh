#!/bin/sh
# Runs hostile clients against the server in $CHAT_SERVER. Arguments go to pytest.
exec "$(dirname "$0")/../e2e/run_pytest.sh" hostile "$@"
