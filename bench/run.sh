#!/bin/sh
# Builds what is measured, installs what it is compared with and prints the table of bench/README.md. Flags other
# than these go to compare.py:
#   --build DIR   where to build (default: build/bench)      --no-build   measure what is built there already
#   --no-peers    neither install nor run redis, nats, mosquitto and ws
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build="$root/build/bench"
rebuild=yes
peers=yes
rest=""
while [ $# -gt 0 ]; do
  case "$1" in
    --build) build=$2; shift 2 ;;
    --no-build) rebuild=no; shift ;;
    --no-peers) peers=no; rest="$rest --no-peers"; shift ;;
    *) rest="$rest '$(printf %s "$1" | sed "s/'/'\\\\''/g")'"; shift ;;
  esac
done
if [ "$rebuild" = yes ]; then
  generator=""
  if command -v ninja >/dev/null && [ ! -f "$build/CMakeCache.txt" ]; then generator="-G Ninja"; fi
  # shellcheck disable=SC2086
  cmake -S "$root" -B "$build" $generator -DCMAKE_BUILD_TYPE=Release -DCHATCORE_BUILD_BENCH=ON \
    -DCHATCORE_BUILD_EXAMPLES=ON -DCHATCORE_BUILD_TESTS=OFF >/dev/null
  cmake --build "$build" --target chat_server loadgen bare_send receive_once_send_twice \
    raw_rocksdb_writer store_bench
fi
if [ "$peers" = yes ]; then
  "$root/bench/peers/install.sh" >&2 || echo "without the peers that are not installed" >&2
fi
eval "set -- $rest"
exec python3 "$root/bench/compare.py" --build "$build" "$@"
