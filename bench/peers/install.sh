#!/bin/bash
# Installs the servers that chatcore is compared with, from Debian's packages. None of them is started as a service.
set -eu
cd "$(dirname "$0")/../.."
. cmake/debian-packages.sh
# Where service scripts would run, this level is the one in which none starts.
export RUNLEVEL=1
install_missing redis-server nats-server mosquitto nodejs node-ws
