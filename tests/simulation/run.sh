#!/bin/bash
# Runs the simulation. A failing seed is printed with the command that replays it.
#   tests/simulation/run.sh [--seeds N] [--from S] [--jobs J] [--seconds T]   seeds S … S+N-1 (default: 1 to 10000)
#   tests/simulation/run.sh --seed S [--trace] [--bug NAME]                   one of them; --trace: what happens in it
#   tests/simulation/run.sh --bugs                                            plants each defect in turn and counts the
#                                                                             seeds until it is found
# BUILD_DIR (default: build) holds the build.
set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 2

BUILD_DIR=$(realpath -m "${BUILD_DIR:-build}")
folder=$BUILD_DIR/ci
seeds=10000 from=1 jobs=$(nproc) seconds="" seed="" trace="" bug="" bugs=""
while [ $# -gt 0 ]; do
  case $1 in
    --seeds) seeds=$2; shift ;;
    --from) from=$2; shift ;;
    --jobs) jobs=$2; shift ;;
    --seconds) seconds=$2; shift ;;
    --seed) seed=$2; shift ;;
    --bug) bug=$2; shift ;;
    --trace) trace=--trace ;;
    --bugs) bugs=1 ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
  shift
done

build() {
  [ -f "$folder/build.ninja" ] ||
    cmake -S . -B "$folder" -G Ninja -DCHATCORE_WERROR=ON -DCMAKE_CXX_COMPILER=g++ -DCMAKE_BUILD_TYPE=RelWithDebInfo \
      -DCMAKE_CXX_FLAGS_RELWITHDEBINFO="-O2 -g1" >/dev/null || exit 1
  cmake --build "$folder" -j "$(nproc)" --target "$1" >"$folder/simulation-build.log" 2>&1 ||
    { tail -n 60 "$folder/simulation-build.log"; exit 1; }
}

export SIMULATION_COMMAND=tests/simulation/run.sh
if [ -n "$bugs" ]; then
  build simulation_bugs
  exec "$folder/tests/simulation/simulation_bugs" --bugs --seeds "$seeds"
fi
program=simulation
[ -z "$bug" ] || program=simulation_bugs
build $program
program=$folder/tests/simulation/$program
if [ -n "$seed" ]; then
  exec "$program" --seed "$seed" ${trace:+"$trace"} ${bug:+--bug "$bug"}
fi

# Each process takes a stretch of the seeds.
status=0
pids=()
share=$(((seeds + jobs - 1) / jobs))
for ((i = 0; i < jobs; ++i)); do
  count=$((seeds - i * share < share ? seeds - i * share : share))
  [ "$count" -gt 0 ] || continue
  "$program" --from $((from + i * share)) --seeds "$count" --keep-on ${seconds:+--seconds "$seconds"} ${bug:+--bug "$bug"} &
  pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || status=1; done
[ $status -ne 0 ] || echo "ok $seeds seeds"

# In another process sets have another order: a seed must not come to something else for that.
steps_of_some() { "$program" --from "$from" --seeds 2000 --keep-on | sed -n 's/^2000 seeds.*, \([0-9]*\) steps$/\1/p'; }
if [ -z "$bug$seconds" ] && [ "$seeds" -ge 2000 ]; then
  mapfile -t steps < <(steps_of_some & steps_of_some & wait)
  if [ ${#steps[@]} -eq 2 ] && [ "${steps[0]}" = "${steps[1]}" ]; then
    echo "ok 2000 seeds take the same steps in another process"
  else
    echo "FAILED 2000 seeds take other steps in another process: ${steps[*]}"
    status=1
  fi
fi
exit $status
