#!/bin/bash
# Builds the measured paths and compares the instructions they take with recorded.json.
#   --build DIR   where to build (default: build/instructions)      --record   write recorded.json anew
set -eu -o pipefail
cd "$(dirname "$0")/../.."
. cmake/debian-packages.sh
build=build/instructions
flags=()
while [ $# -gt 0 ]; do
  case $1 in
    --build) build=$2; shift 2 ;;
    --record) flags+=(--record); shift ;;
    *) sed -n '2,3s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done
# shellcheck disable=SC2086
install_missing $BUILD_PACKAGES valgrind
launcher=()
command -v ccache >/dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
mkdir -p "$build"
{ cmake -S bench/instructions -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCHATCORE_WERROR=ON \
    "${launcher[@]}" && cmake --build "$build" -j "${JOBS:-$(nproc)}"; } >"$build/build.log" 2>&1 ||
  { tail -n 60 "$build/build.log"; exit 1; }
exec python3 bench/instructions/run.py "$build/instructions" "${flags[@]}"
