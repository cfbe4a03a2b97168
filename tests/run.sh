#!/bin/bash
# Installs what is missing (Debian 12), builds chatcore and runs every test.
#   tests/run.sh               everything but clang
#   tests/run.sh STAGE…        only these: format unit simulation e2e crash hostile package instructions asan
#                              asan_e2e e2e_faults tsan fuzz tidy clang (lint is format and tidy)
# BUILD_DIR (default: build) holds the builds. The last line says how many tests passed and failed.
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 2
. cmake/debian-packages.sh

ALL_STAGES="format unit simulation e2e crash hostile package instructions asan asan_e2e e2e_faults tsan fuzz tidy"
BUILD_DIR=$(realpath -m "${BUILD_DIR:-build}")
LOGS=$BUILD_DIR/logs
JOBS=$(nproc)
# A clone elsewhere finds what this one compiled.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros
passed=0
failed=0
skipped=0
summary=()

count() { passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3)); }

# configure FOLDER ARGUMENT…
configure() {
  local folder=$BUILD_DIR/$1 launcher=()
  shift
  command -v ccache >/dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  cmake -S . -B "$folder" -G Ninja -DCHATCORE_WERROR=ON -DCMAKE_EXPORT_COMPILE_COMMANDS=ON \
    "${launcher[@]}" "$@" >"$LOGS/configure.log" 2>&1 || { tail -n 40 "$LOGS/configure.log"; return 1; }
}

# build FOLDER [TARGET…]: shows what failed and nothing of what did not.
build() {
  local folder=$BUILD_DIR/$1
  shift
  cmake --build "$folder" -j "$JOBS" ${1:+--target "$@"} >"$LOGS/build.log" 2>&1 && return 0
  grep -v '^\[[0-9]*/[0-9]*\] [A-Z][a-z]* ' "$LOGS/build.log" | head -n 150
  return 1
}

# Release speed with assertions on: what the tests run against.
configure_tested() {
  configure ci -DCHATCORE_KILL_POINTS=ON -DCMAKE_CXX_COMPILER=g++ -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_CXX_FLAGS_RELWITHDEBINFO="-O2 -g1"
}
build_tested() { configure_tested && build ci; }

# Runs ctest in FOLDER. Cases are counted as doctest reports them; a program that died before it could report
# counts as one failure.
run_ctest() {
  local log=$LOGS/ctest-$1.log code ok bad programs
  ctest --test-dir "$BUILD_DIR/$1" --no-tests=error -V -j "$JOBS" >"$log" 2>&1
  code=$?
  read -r ok bad < <(awk '/\[doctest\] test cases:/ {
      for (i = 2; i <= NF; ++i) { if ($i == "passed") ok += $(i-1); if ($i == "failed") bad += $(i-1) } }
    END { print ok + 0, bad + 0 }' "$log")
  programs=$(sed -n 's/.*tests passed, \([0-9]*\) tests failed out of.*/\1/p' "$log")
  [ "$bad" -ge "${programs:-0}" ] || bad=$programs
  [ $code -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
  if [ "$bad" -gt 0 ]; then
    grep -E -A12 'ERROR:|FATAL|(Address|Thread)Sanitizer|runtime error|SIG[A-Z]+|Exception|\*\*\*' "$log" | head -n 200
    echo "the whole output: $log"
  fi
  echo "$ok test cases passed, $bad failed"
  # A case that ran in the plain build is not another test because it runs here once more.
  if [ "$1" != ci ] && [[ " $stages " == *" unit "* ]]; then ok=0; fi
  count "$ok" "$bad" 0
  [ "$bad" -eq 0 ]
}

stage_format() {
  local files
  mapfile -t files < <(sources)
  local log=$LOGS/format.log
  if ! clang-format-19 --dry-run -Werror "${files[@]}" 2>"$log"; then
    echo "to be run: clang-format-19 -i $(sed -n 's/^\([^ :]*\):[0-9]*:[0-9]*: error.*/\1/p' "$log" | sort -u | tr '\n' ' ')"
    count 0 1 0
    return 1
  fi
  if ! diff <(sed -n '/^```cpp$/,/^```$/{/^```/!p}' README.md) examples/embed/main.cpp; then
    echo "README.md shows another embed/main.cpp than the one that is tested"
    count 0 1 0
    return 1
  fi
  local strangers
  strangers=$(grep -rnE '#include <(absl|asio|boost|simdjson|rocksdb|sodium|nlohmann|spdlog)' include adapters/*/include |
    grep -v '^include/chatcore/asio\.hpp:')
  [ -z "$strangers" ] && return 0
  echo "public headers may include the standard library and chatcore only:"
  echo "$strangers"
  count 0 1 0
  return 1
}

sources() {
  { git ls-files '*.cpp' '*.hpp' 2>/dev/null || find include src adapters examples bench tests -name '*.[ch]pp'; } |
    while read -r file; do [ -f "$file" ] && echo "$file"; done
}

# The public headers are compiled alone as part of this build (target chatcore_header_check).
stage_unit() {
  build_tested || { count 0 1 0; return 1; }
  run_ctest ci
}

# run_pytest FOLDER SECONDS [BUILD]: tests/FOLDER, pytest against the real server of a build, within that time.
run_pytest() {
  local report=$LOGS/$1.xml ok bad skip build=${3:-ci}
  if [ "$build" = asan ]; then configure_asan; else configure_tested; fi && build "$build" chat_server ||
    { count 0 1 0; return 1; }
  rm -f "$report"
  CHAT_SERVER=$BUILD_DIR/$build/examples/chat_server/chat_server timeout -k 20 "$2" \
    "tests/$1/run.sh" -q --junitxml="$report"
  local code=$?
  [ $code -ne 124 ] || echo "tests/$1 took longer than $2 s"
  read -r ok bad skip < <(/usr/bin/python3 - "$report" <<'PYTHON'
import sys, xml.etree.ElementTree as tree
try:
    suites = tree.parse(sys.argv[1]).getroot().iter("testsuite")
except (OSError, tree.ParseError):
    suites = []
total = bad = skipped = 0
for suite in suites:
    total += int(suite.get("tests"))
    bad += int(suite.get("failures")) + int(suite.get("errors"))
    skipped += int(suite.get("skipped"))
print(max(0, total - bad - skipped), bad, skipped)
PYTHON
  )
  [ $code -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
  # A case that ran against the plain build is not another test because it runs here once more.
  if [ "$build" != ci ] && [[ " $stages " == *" $1 "* ]]; then ok=0 skip=0; fi
  count "$ok" "$bad" "$skip"
  [ $code -eq 0 ] && [ "$bad" -eq 0 ]
}

# run_listed NAME COMMAND…, which prints a line `ok …`, `FAILED …` or `skipped …` for each of its tests.
run_listed() {
  local log=$LOGS/$1.log code ok bad skip
  shift
  "$@" | tee "$log"
  code=$?
  ok=$(grep -c '^ok ' "$log")
  bad=$(grep -c '^FAILED ' "$log")
  skip=$(grep -c '^skipped ' "$log")
  [ $code -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
  count "$ok" "$bad" "$skip"
  [ "$bad" -eq 0 ]
}

# Ten thousand seeds; each is a world of its own.
stage_simulation() {
  build_tested || { count 0 1 0; return 1; }
  BUILD_DIR=$BUILD_DIR run_listed simulation timeout 900 tests/simulation/run.sh --seeds 10000 --jobs "$JOBS"
}

stage_e2e() { run_pytest e2e 1200; }
stage_crash() { run_pytest crash 240; }
stage_hostile() { run_pytest hostile 420; }

stage_package() {
  build_tested || { count 0 1 0; return 1; }
  run_listed package tests/package/run.sh "$BUILD_DIR/ci"
}

# What the hot paths cost, counted in instructions: the same on every machine that has the same compiler.
stage_instructions() { CXX=g++ run_listed instructions bench/instructions/run.sh --build "$BUILD_DIR/instructions"; }

configure_clang() {
  local bench=OFF
  is_installed libbenchmark-dev && bench=ON
  configure clang -DCMAKE_CXX_COMPILER=clang++-19 -DCMAKE_BUILD_TYPE=Debug -DCHATCORE_BUILD_BENCH=$bench \
    -DCHATCORE_PRECOMPILE=ON
}

# Everything, the benchmarks too, under the other compiler and without sanitizers.
stage_clang() {
  { configure_clang && build clang; } || { count 0 1 0; return 1; }
  run_ctest clang
}

# The other compiler, with AddressSanitizer and UndefinedBehaviorSanitizer, on what the fuzzers are made of too.
configure_asan() {
  local bench=OFF
  is_installed libbenchmark-dev && bench=ON
  # Abseil's and RocksDB's binaries know nothing of the poison behind a container's last element.
  export ASAN_OPTIONS=detect_container_overflow=0 UBSAN_OPTIONS=print_stacktrace=1
  configure asan -DCMAKE_CXX_COMPILER=clang++-19 -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG="-O2 -g1" \
    -DCHATCORE_SANITIZE=fuzzer-no-link,address,undefined -DCHATCORE_BUILD_FUZZ=ON -DCHATCORE_PRECOMPILE=ON \
    -DCHATCORE_HEADER_CHECK=OFF -DCHATCORE_BUILD_BENCH=$bench
}

stage_asan() {
  { configure_asan && build asan; } || { count 0 1 0; return 1; }
  run_ctest asan
}

# The real server, built like that, under tests/e2e; where it has two shards, as an engine with two gateways.
stage_asan_e2e() { CHAT_GATEWAYS=2 run_pytest e2e 1800 asan; }

# And once more, with one call of the ports failing in each test: every call is `tests/e2e/walk.sh` alone.
stage_e2e_faults() {
  { configure_asan && build asan fault_chat_server; } || { count 0 1 0; return 1; }
  CHAT_GATEWAYS=2 CHAT_SERVER=$BUILD_DIR/asan/tests/fault/fault_chat_server \
    run_listed e2e_faults timeout 900 tests/e2e/walk.sh --walk-calls=one
}

stage_fuzz() {
  JOBS=$JOBS run_listed fuzz tests/fuzz/run.sh --build "$BUILD_DIR/asan" --seconds "${FUZZ_SECONDS:-10}"
}

# What has threads of its own and needs no foreign binary that has: RocksDB's would be taken for racing.
stage_tsan() {
  { configure tsan -DCMAKE_CXX_COMPILER=clang++-19 -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG="-O1 -g1" \
    -DCHATCORE_SANITIZE=thread -DCHATCORE_WITH_ROCKSDB=OFF -DCHATCORE_BUILD_EXAMPLES=OFF \
    -DCHATCORE_PRECOMPILE=ON -DCHATCORE_HEADER_CHECK=OFF && build tsan; } || { count 0 1 0; return 1; }
  TSAN_OPTIONS="second_deadlock_stack=1" run_ctest tsan
}

stage_tidy() {
  { configure_clang && build clang chatcore_precompiled_libraries; } || { count 0 1 0; return 1; }
  local log=$LOGS/tidy.log
  sources | grep -E "^(${TIDY_FOLDERS:-src/core|src/gateway})/.*\.cpp$" |
    xargs -P "$JOBS" -n 1 clang-tidy-19 --quiet -p "$BUILD_DIR/clang" >"$log" 2>/dev/null && return 0
  grep -E -A6 '(error|warning):' "$log" | head -n 150
  count 0 1 0
  return 1
}

run_stage() {
  local begin=$SECONDS verdict
  echo "=== $1"
  if "stage_$1"; then verdict=passed; else verdict=FAILED; fi
  summary+=("$(printf '%-12s %-7s %4d s' "$1" "$verdict" $((SECONDS - begin)))")
}

stages=""
for name in "${@:-all}"; do
  case $name in
    all) stages+=" $ALL_STAGES" ;;
    lint) stages+=" format tidy" ;;
    format | unit | simulation | e2e | crash | hostile | package | instructions | clang | asan | asan_e2e | e2e_faults | tsan | fuzz | tidy)
      stages+=" $name" ;;
    *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done

mkdir -p "$LOGS"
packages="$BUILD_PACKAGES $TEST_PACKAGES"
[[ " $stages " =~ \ (format|clang|tidy)\  ]] && packages+=" $LINT_PACKAGES"
[[ " $stages " =~ \ (asan|asan_e2e|e2e_faults|tsan|fuzz)\  ]] && packages+=" $SANITIZER_PACKAGES"
# shellcheck disable=SC2086
install_missing $packages || { echo "chatcore: 0 passed, 1 failed"; exit 1; }

for name in $stages; do run_stage "$name"; done

echo "=== summary"
printf '%s\n' "${summary[@]}"
[ $skipped -eq 0 ] || echo "$skipped skipped"
echo "chatcore: $passed passed, $failed failed"
[ $failed -eq 0 ] && [[ "${summary[*]}" != *FAILED* ]]
