#!/bin/bash
# Two people chat: builds the example server and client (Debian 12: installs what is missing), then runs one server and
# two client processes through a conversation. Exits 0 only if everything below happened.
# BUILD_DIR (default: build/quickstart) holds the build.
set -u
cd "$(dirname "$0")/.." || exit 2
. cmake/debian-packages.sh

BUILD_DIR=$(realpath -m "${BUILD_DIR:-build/quickstart}")
SERVER=$BUILD_DIR/examples/chat_server/chat_server
CLIENT=$BUILD_DIR/examples/chat_cli/chat_cli
PATIENCE=20 # seconds that any one thing may take

work=$(mktemp -d)
server_pid=
port=0
declare -A client_pid input shown since

stop() { # stop PID: asks it to end, insists after a while
  local pid=$1 i
  kill -TERM "$pid" 2>/dev/null
  for ((i = 0; i < 100; ++i)); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$pid" 2>/dev/null
  wait "$pid" 2>/dev/null
}

clean_up() {
  local code=$? who
  trap - EXIT
  for who in "${!client_pid[@]}"; do stop "${client_pid[$who]}"; done
  [ -n "$server_pid" ] && stop "$server_pid"
  rm -rf "$work"
  exit $code
}
trap clean_up EXIT
trap 'exit 130' INT TERM

fail() {
  show
  printf '\nFAILED: %s\n' "$1" >&2
  [ -s "$work/server.err" ] && { echo "the server's log ends with:"; tail -n 15 "$work/server.err"; } >&2
  exit 1
}

chapter() {
  printf '\n%s\n' "$1"
  local who
  for who in "${!client_pid[@]}"; do since[$who]=$(lines_of "$who"); done
}

lines_of() { wc -l <"$work/$1.out"; }

show() { # the lines that the clients have printed since the last time
  local who until
  for who in alice bob; do
    [ -f "$work/$who.out" ] || continue
    until=$(lines_of "$who")
    [ "$until" -gt "${shown[$who]:-0}" ] || continue
    sed -n "$((${shown[$who]:-0} + 1)),${until}s/^/    $(printf '%-5s' "$who") | /p" "$work/$who.out"
    shown[$who]=$until
  done
}

expect() { # expect WHO TEXT: a line with TEXT is printed by WHO in this chapter
  local who=$1 text=$2 end=$((SECONDS + PATIENCE))
  while ! tail -n "+$((${since[$who]:-0} + 1))" "$work/$who.out" | grep -qF -- "$text"; do
    kill -0 "${client_pid[$who]}" 2>/dev/null || fail "$who's client ended while it should have shown: $text"
    [ $SECONDS -lt $end ] || fail "within $PATIENCE s $who did not see: $text"
    sleep 0.05
    show
  done
  show
}

say() { # say WHO LINE: types LINE into WHO's terminal
  show
  printf '  > %-5s types  %s\n' "$1" "$2"
  printf '%s\n' "$2" >&"${input[$1]}"
}

start_server() {
  local end=$((SECONDS + PATIENCE))
  "$SERVER" --listen "127.0.0.1:$port" --data "$work/data" --dev-auth --presence-debounce-ms 500 \
    >"$work/server.out" 2>>"$work/server.err" </dev/null &
  server_pid=$!
  until grep -q '^listening on ws://' "$work/server.out"; do
    kill -0 "$server_pid" 2>/dev/null || fail "the server did not start"
    [ $SECONDS -lt $end ] || fail "the server was not ready within $PATIENCE s"
    sleep 0.05
  done
  port=$(sed -n 's|^listening on ws://127\.0\.0\.1:\([0-9]*\)/v1/ws.*|\1|p' "$work/server.out" | head -n 1)
  sed 's/^/    server | /' "$work/server.out"
}

stop_server() {
  local pid=$server_pid i code
  kill -TERM "$pid" || fail "the server is not running"
  for ((i = 0; i < PATIENCE * 10; ++i)); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  kill -0 "$pid" 2>/dev/null && fail "the server did not stop within $PATIENCE s"
  server_pid=
  wait "$pid"
  code=$?
  [ $code -eq 0 ] || fail "the server ended with exit code $code"
  echo "    server | drained, exit code 0"
}

start_client() { # start_client WHO PEER
  local fd
  mkfifo "$work/$1.in"
  "$CLIENT" --script --url "ws://127.0.0.1:$port/v1/ws" --user "$1" --device laptop --to "$2" \
    <"$work/$1.in" >"$work/$1.out" 2>&1 &
  client_pid[$1]=$!
  exec {fd}>"$work/$1.in"
  input[$1]=$fd
}

stop_client() {
  local pid=${client_pid[$1]} fd=${input[$1]} code
  say "$1" /quit
  exec {fd}>&-
  wait "$pid"
  code=$?
  unset "client_pid[$1]"
  show
  [ $code -eq 0 ] || fail "$1's client ended with exit code $code"
}

echo "Building in ${BUILD_DIR#"$PWD"/} (a few minutes the first time)"
# shellcheck disable=SC2086
install_missing $BUILD_PACKAGES || exit 1
launcher=()
command -v ccache >/dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
{ cmake -S . -B "$BUILD_DIR" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCHATCORE_BUILD_TESTS=OFF "${launcher[@]}" &&
  cmake --build "$BUILD_DIR" -j "$(nproc)" --target chat_server chat_cli; } >"$work/build.log" 2>&1 ||
  { tail -n 50 "$work/build.log"; fail "the build failed"; }
begin=$SECONDS

chapter "1. A server and two clients"
start_server
start_client alice bob
start_client bob alice
expect alice "connected as alice/laptop"
expect bob "connected as bob/laptop"
expect alice "bob is online"
expect bob "alice is online"

chapter "2. Both say hello; each sees the message sent, delivered and read"
say alice "Hello Bob!"
expect alice 'sent ✓ seq=1 "Hello Bob!"'
expect bob "alice: Hello Bob!"
expect alice "delivered ✓✓ seq=1 by bob"
expect alice "read ✓✓✓ seq=1 by bob"
say bob "Hello Alice, how are you?"
expect bob 'sent ✓ seq=2 "Hello Alice, how are you?"'
expect alice "bob: Hello Alice, how are you?"
expect bob "delivered ✓✓ seq=2 by alice"
expect bob "read ✓✓✓ seq=2 by alice"

chapter "3. Bob goes offline; what Alice writes meanwhile waits for him"
say bob /offline
expect bob "offline"
expect alice "bob is offline"
say alice "Are you still there?"
say alice "Call me when you are back."
expect alice 'sent ✓ seq=3 "Are you still there?"'
expect alice 'sent ✓ seq=4 "Call me when you are back."'
grep -qF "Are you still there?" "$work/bob.out" && fail "bob got a message while he was offline"
say bob /online
expect bob "alice: Are you still there?"
expect bob "alice: Call me when you are back."
expect alice "read ✓✓✓ seq=4 by bob"

chapter "4. Messages are edited, deleted and reacted to, even by who is offline at the moment"
say alice "/edit 3 Are you there?"
expect alice "edited ✓ seq=3"
expect bob "alice edited seq=3: Are you there?"
say alice "/delete last everyone"
expect alice "deleted ✓ for everyone seq=4"
expect bob "alice deleted seq=4"
say bob /offline
expect alice "bob is offline"
say bob "/react 1 👋"
say bob /online
expect bob "reacted ✓ 👋 seq=1"
expect alice "bob reacted 👋 to seq=1"
say bob "/pin-message 1"
expect bob "pinned ✓ seq=1"
expect alice "bob pinned seq=1"
say bob "/delete 2 me"
expect bob "deleted ✓ for me seq=2"
say bob "/clear 2"
expect bob "cleared dm."

chapter "5. A broadcast channel: Alice writes, Bob reads"
say alice "/create news News bob send=admins"
expect alice 'created news "News"'
expect bob 'alice created the group "News" (only admins write) [news]'
say alice "Sale today"
expect bob "alice: Sale today (seq=2) [news]"
say bob "/group news"
say bob "May I?"
expect bob 'failed "May I?"'
say bob /pin
expect bob "pinned news"
say bob /conversations
expect bob 'conversation news "News" unread=0 pinned'
say alice "/role bob admin"
expect bob "alice made bob admin"
say alice "/seen 2"
expect alice "seen by bob: delivered seq="
say bob "Now I may"
expect alice "bob: Now I may"
say alice /delete-group
expect alice "deleted news"
expect bob "alice deleted the group"
say alice "/to bob"
say bob "/to alice"

chapter "6. The server restarts on the same data; both clients come back by themselves"
stop_server
expect alice "connection lost"
expect bob "connection lost"
start_server
expect alice "connected as alice/laptop"
expect bob "connected as bob/laptop"
say bob "The server was away, our conversation was not."
expect bob 'sent ✓ seq=9 "The server was away, our conversation was not."'
expect alice "bob: The server was away, our conversation was not."
expect bob "read ✓✓✓ seq=9 by alice"

chapter "7. What is stored"
say alice "/history 10"
expect alice "history seq=1 alice: Hello Bob! [👋 1]"
expect alice "history seq=2 bob: Hello Alice, how are you?"
expect alice "history seq=3 alice: Are you there? (edited)"
expect alice "history seq=4 alice: (deleted)"
expect alice "history seq=9 bob: The server was away, our conversation was not."
expect alice "history end"
say bob "/history 10"
expect bob "history end"
tail -n "+$((since[bob] + 1))" "$work/bob.out" | grep -qF "history seq=2 " && fail "bob still has what he deleted"

chapter "8. Everybody leaves"
stop_client alice
stop_client bob
stop_server

cat <<END

All of it happened, in $((SECONDS - begin)) s. To go on by hand, in three terminals:

  ${SERVER#"$PWD"/} --listen 127.0.0.1:8080 --data chat-data --dev-auth
  ${CLIENT#"$PWD"/} --user alice --to bob
  ${CLIENT#"$PWD"/} --user bob --to alice

Type a line to send it, /help for the rest. --dev-auth believes any name: see the server's --help for JWT.
END
