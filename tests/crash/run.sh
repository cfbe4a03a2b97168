#!/bin/sh
# Kills the server in $CHAT_SERVER again and again under load. Arguments go to pytest.
exec "$(dirname "$0")/../e2e/run_pytest.sh" crash "$@"
