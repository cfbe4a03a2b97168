#!/bin/bash
# Builds the fuzzers and runs each from its corpus; what a run finds stays out of the repository.
#   tests/fuzz/run.sh [--seconds N | --runs N] [--build FOLDER] [TARGET…]
#                      N (default: 10 s) is for each target; without targets all are run
#   tests/fuzz/run.sh --coverage [TARGET…]
#                      the lines of the parsers that the corpora reach, as a table
#   tests/fuzz/run.sh --merge FOLDER TARGET
#                      adds to the corpus what inputs in FOLDER reach beyond it
# FOLDER (default: $BUILD_DIR/asan, and build/asan without one) is shared with tests/run.sh asan.
# A line `ok TARGET EXECUTIONS` or `FAILED TARGET …` each; a failure leaves its input and says how to run it again.
set -u -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.." || exit 2

ALL_TARGETS="http_head websocket_frame decode engine client_frames client_handshake jwt rocksdb_codecs seam"
# What the targets are there for. `--coverage` looks at these.
PARSERS="src/gateway/http_head.cpp src/gateway/websocket_frame.cpp src/gateway/websocket_handshake.cpp
  src/protocol/command_reader.cpp src/protocol/decode.cpp src/protocol/envelope.cpp src/protocol/field_reader.cpp
  src/protocol/fields.cpp src/seam/messages.cpp src/seam/packet.cpp src/core/bytes.hpp src/protocol/json_check.cpp src/protocol/json_object.cpp src/protocol/byte_scan.hpp
  src/client/decode.cpp src/client/handshake.cpp src/client/inbound.cpp src/client/state_frames.cpp src/client/state_sync.cpp
  src/client/state_connection.cpp adapters/jwt/src/base64.cpp adapters/jwt/src/claims.cpp adapters/jwt/src/keys.cpp
  adapters/jwt/src/token.cpp adapters/rocksdb/src/bytes.hpp adapters/rocksdb/src/checksum.cpp
  adapters/rocksdb/src/device_rows.cpp adapters/rocksdb/src/journal_row.cpp adapters/rocksdb/src/keys.cpp
  adapters/rocksdb/src/values.cpp"

usage() { sed -n '2,11s/^# \{0,1\}//p' "$here/run.sh" >&2; exit 2; }

limit=-max_total_time=10
build=${BUILD_DIR:-build}/asan
mode=run
extra=""
targets=""
while [ $# -gt 0 ]; do
  case $1 in
    --seconds) limit=-max_total_time=${2:?}; shift ;;
    --runs) limit=-runs=${2:?}; shift ;;
    --build) build=${2:?}; shift ;;
    --coverage) mode=coverage ;;
    --merge) mode=merge extra=${2:?}; shift ;;
    -*) usage ;;
    *) [[ " $ALL_TARGETS " == *" $1 "* ]] || usage; targets+=" $1" ;;
  esac
  shift
done
[ -n "$targets" ] || targets=$ALL_TARGETS
[ $mode != coverage ] || build=$build-coverage
build=$(realpath -m "$build")

export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros
# Abseil's and RocksDB's binaries know nothing of the poison that instrumented code puts behind a container's
# last element, and would be blamed for it.
export ASAN_OPTIONS=detect_container_overflow=0:${ASAN_OPTIONS:-}
# A third of a run went to what few inputs need. What the run has kept is tried again without these.
hasty=malloc_context_size=0:detect_stack_use_after_return=0:quarantine_size_mb=1:thread_local_quarantine_size_kb=16
hasty+=:allocator_release_to_os_interval_ms=-1
export UBSAN_OPTIONS=print_stacktrace=1:${UBSAN_OPTIONS:-}

compile() {
  local log=$build/fuzz-build.log launcher=() sanitize=fuzzer-no-link,address,undefined flags="-O2 -g1" wanted=() target
  command -v ccache >/dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  if [ $mode = coverage ]; then
    sanitize=fuzzer-no-link
    flags="-O0 -g1 -fprofile-instr-generate -fcoverage-mapping"
  fi
  for target in $targets; do wanted+=("fuzz_$target"); done
  mkdir -p "$build"
  { cmake -S . -B "$build" -G Ninja -DCMAKE_CXX_COMPILER=clang++-19 -DCMAKE_BUILD_TYPE=Debug \
    -DCMAKE_CXX_FLAGS_DEBUG="$flags" -DCHATCORE_SANITIZE=$sanitize -DCHATCORE_BUILD_FUZZ=ON -DCHATCORE_WERROR=ON \
    -DCHATCORE_PRECOMPILE=ON -DCHATCORE_HEADER_CHECK=OFF "${launcher[@]}" &&
    cmake --build "$build" -j "${JOBS:-$(nproc)}" --target "${wanted[@]}"; } >"$log" 2>&1 || { tail -n 60 "$log"; return 1; }
}

program() { echo "$build/tests/fuzz/fuzz_$1"; }
# The dictionary of a target, and how long an input may usefully be.
arguments() {
  local dictionary="" length=4096 more=""
  case $1 in
    http_head) dictionary=http length=9000 ;;
    client_handshake) dictionary=http ;;
    decode) dictionary=frames ;;
    engine | client_frames | jwt | seam) dictionary=$1 ;;
  esac
  # Of the first two, a longer input costs more than it finds. The seeds are tried whole all the same.
  case $1 in engine | client_frames | jwt | seam) length=1024 ;; esac
  # An input of theirs has thousands of features: weighing them took a third of a run, and more the longer it went.
  case $1 in engine | client_frames) more=-entropic=0 ;; esac
  echo "$more -max_len=$length -timeout=20 -rss_limit_mb=2048 ${dictionary:+-dict=$here/dictionaries/$dictionary.dict}"
}

# try_inputs TARGET FOLDER: makes inputs, keeps what is new in FOLDER, and tries that and the seeds with every check.
try_inputs() {
  local target=$1 found=$2 binary
  binary=$(program "$target")
  # New inputs go to the first folder, the second is only read.
  # shellcheck disable=SC2046
  ASAN_OPTIONS=$hasty:$ASAN_OPTIONS "$binary" $(arguments "$target") "$limit" -print_final_stats=1 \
    -artifact_prefix="$failures/$target-" "$found" "$here/corpus/$target" &&
    "$binary" -runs=0 -timeout=20 -artifact_prefix="$failures/$target-" "$found" "$here/corpus/$target"
}

run_target() {
  local target=$1 log=$scratch/$1.log found=$scratch/$1 executions failures=$build/fuzz-failures input
  mkdir -p "$found" "$failures"
  if try_inputs "$target" "$found" >"$log" 2>&1; then
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    echo "ok $target $executions"
    return 0
  fi
  input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
  grep -E -A14 'broken promise|ERROR: |runtime error|Assertion' "$log" | head -n 40
  echo "FAILED $target ${input:-without an input, see below}"
  if [ -n "$input" ]; then
    echo "  again: ASAN_OPTIONS=detect_container_overflow=0 $(program "$target") $input"
  else
    tail -n 20 "$log"
  fi
  return 1
}

show_coverage() {
  local target raw=() objects=() merged=$scratch/all.profdata
  for target in $targets; do
    LLVM_PROFILE_FILE=$scratch/$target.profraw "$(program "$target")" -runs=0 "$here/corpus/$target" \
      >"$scratch/$target.log" 2>&1 || { tail -n 5 "$scratch/$target.log"; return 1; }
    raw+=("$scratch/$target.profraw")
    objects+=(-object "$(program "$target")")
  done
  llvm-profdata-19 merge -o "$merged" "${raw[@]}" || return 1
  # shellcheck disable=SC2086
  llvm-cov-19 report "${objects[@]:1}" -instr-profile="$merged" $PARSERS | awk '
    /^-+$/ || /^Filename/ || NF < 10 { next }
    { printf "%-46s %5d lines %7s\n", $1, $8, $10 }'
}

command -v clang++-19 >/dev/null || { echo "fuzz: clang-19 and libclang-rt-19-dev are needed" >&2; exit 2; }
if [ $mode = coverage ] && ! command -v llvm-cov-19 >/dev/null; then
  echo "fuzz: llvm-19 is needed for the coverage" >&2
  exit 2
fi
compile || { echo "FAILED build"; exit 1; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
case $mode in
  coverage) show_coverage; exit ;;
  merge)
    for target in $targets; do
      # shellcheck disable=SC2046
      "$(program "$target")" $(arguments "$target") -merge=1 "$here/corpus/$target" "$extra" 2>&1 | tail -n 1
    done
    exit ;;
esac
failed=0
for target in $targets; do run_target "$target" || failed=1; done
exit $failed
