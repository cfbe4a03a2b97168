#!/bin/bash
# tests/package/run.sh BUILD: installs the build, moves the installed package elsewhere, and uses it as a host would.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(realpath "${1:?usage: tests/package/run.sh BUILD_FOLDER}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
log=$work/log
failures=0

check() { # check NAME COMMAND…: one test
  local name=$1
  shift
  if "$@" >"$log" 2>&1; then
    echo "ok $name"
  else
    echo "FAILED $name"
    sed 's/^/    /' "$log" | tail -n 40
    failures=$((failures + 1))
  fi
}

install_and_move() {
  cmake --install "$build" --prefix "$work/first" && mkdir "$work/moved" && mv "$work/first" "$work/moved/prefix"
}

# No file that a consumer reads may name the build, the source or the first prefix.
names_no_folder_of_ours() {
  local files=()
  mapfile -t files < <(find "$prefix" -name '*.cmake' -o -name '*.pc')
  [ ${#files[@]} -gt 0 ] && ! grep -nF -e "$root" -e "$build" -e "$work/first" "${files[@]}"
}

configure() { # configure SOURCE FOLDER ARGUMENT…
  local source=$1 folder=$2
  shift 2
  cmake -S "$source" -B "$work/$folder" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release "$@"
}

consume() { configure "$@" && cmake --build "$work/$2" -j 2; }

consume_core_alone() {
  consume "$here/core_only" core_only && [[ "$("$work/core_only/core_only")" == "dm."*" not_a_member" ]]
}

refused() { # refused TEXT ARGUMENT…: find_package fails and says TEXT
  local text=$1 output
  shift
  rm -rf "$work/refused"
  output=$(configure "$here/components" refused "$@" 2>&1) && { echo "it was found"; return 1; }
  echo "$output"
  tr -s ' \n' ' ' <<<"$output" | grep -qF "$text"
}

embed_with_pkg_config() {
  local pc flags
  pc=$(find "$prefix" -type d -name pkgconfig) || return 1
  # shellcheck disable=SC2046
  flags=$(PKG_CONFIG_PATH=$pc pkg-config --static --cflags --libs chatcore-rocksdb) || return 1
  echo "$flags"
  # shellcheck disable=SC2086
  "${CXX:-g++}" -std=c++20 "$root/examples/embed/main.cpp" -o "$work/embed_pc" $flags
}

converses() { timeout 60 /usr/bin/python3 "$here/converse.py" "$1" "$(mktemp -d -p "$work")"; }

prefix=$work/moved/prefix
check "the package installs" install_and_move
check "the installed files name no folder of the build" names_no_folder_of_ours
check "core alone needs nothing of the adapters" consume_core_alone
for component in $(cd "$prefix" && find . -name 'chatcore-*-targets.cmake' | sed 's|.*/chatcore-\(.*\)-targets.cmake|\1|'); do
  check "component $component is found and linked" consume "$here/components" "one_$component" -DCOMPONENTS="$component"
done
check "an unknown component is named, and so are the known ones" \
  refused 'chatcore has no component "teleport" installed here (there are: client, core,' -DCOMPONENTS="core;teleport"
check "another minor version is refused" refused 'compatible with requested version "0.2"' -DCOMPONENTS=core -DWANTED_VERSION=0.2
check "a missing dependency is named" refused RocksDB -DCOMPONENTS=rocksdb -DCMAKE_DISABLE_FIND_PACKAGE_RocksDB=ON
check "the embedding host builds" consume "$root/examples/embed" embed
check "the embedding host serves, and its hook rejects" converses "$work/embed/embed"
check "the embedding host builds with pkg-config" embed_with_pkg_config
check "the pkg-config build serves, and its hook rejects" converses "$work/embed_pc"
[ $failures -eq 0 ]
