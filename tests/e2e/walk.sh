#!/bin/bash
# walk.sh [--jobs N] [FILE…] [ARGUMENT…]: fails every call of the ports behind the server, one at a time, in each of the
# end-to-end tests, against the fault_chat_server in $CHAT_SERVER. A line for each file. Arguments go to pytest;
# --walk=refused|written|either and --walk-calls=every|sparse|one|N-N are walk.py's. They mostly wait, so many run at once.
set -u
cd "$(dirname "$0")" || exit 2
PYTHONPATH=$PWD
export PYTHONPATH

jobs=8
files=()
arguments=()
while [ $# -gt 0 ]; do
  case $1 in
    --jobs) jobs=$2; shift ;;
    test_*.py*) files+=("$1") ;;
    *) arguments+=("$1") ;;
  esac
  shift
done
[ ${#files[@]} -gt 0 ] || files=(test_*.py)

walk_one() {
  local file=$1 log code
  shift
  log=$(mktemp)
  ./run.sh -p walk -q --tb=short "$file" "$@" >"$log" 2>&1
  code=$?
  if [ $code -eq 0 ]; then
    echo "ok $file: $(grep -E '^[0-9]+ runs, ' "$log"); $(grep -E '^[0-9]+ passed' "$log")"
  elif [ $code -ne 5 ]; then  # 5: nothing to be walked here
    { cat "$log"; echo "FAILED $file"; }
  fi
  rm -f "$log"
}
export -f walk_one
printf '%s\0' "${files[@]}" | xargs -0 -P "$jobs" -I '{}' bash -c 'walk_one "$@"' walk '{}' "${arguments[@]}" |
  { failed=0; while IFS= read -r line; do echo "$line"; [[ $line != FAILED\ test_* ]] || failed=1; done; exit $failed; }
