# shellcheck shell=bash disable=SC2034
# Sourced by the scripts that build chatcore on Debian 12: what it needs, and how what is missing gets installed.

BUILD_PACKAGES="g++ cmake ninja-build pkg-config libasio-dev libabsl-dev libsimdjson-dev nlohmann-json3-dev
  libsodium-dev librocksdb-dev libspdlog-dev libjemalloc-dev"
TEST_PACKAGES="git doctest-dev python3 python3-pytest python3-websockets"
LINT_PACKAGES="clang-19 clang-format-19 clang-tidy-19"
SANITIZER_PACKAGES="clang-19 libclang-rt-19-dev"

is_installed() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q "ok installed"; }

# install_missing PACKAGE…
install_missing() {
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "no apt-get here: taking it that these are installed by other means: $*" >&2
    return 0
  fi
  local missing=() package
  for package in "$@"; do is_installed "$package" || missing+=("$package"); done
  [ ${#missing[@]} -eq 0 ] && return 0

  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "not installed, and neither root nor sudo: ${missing[*]}" >&2
      return 1
    fi
    as_root=(sudo)
  fi
  echo "installing: ${missing[*]}"
  local log
  log=$(mktemp)
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300
    -o Acquire::Retries=3)
  if ! { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}
