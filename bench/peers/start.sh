#!/bin/bash
# start.sh PEER PORT: becomes that server, listening on 127.0.0.1:PORT, storing nothing, limiting nobody.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin
port=$2
case $1 in
  redis)
    # loadgen comes from 127.0.0.2 and so on, which the protected mode takes for strangers.
    exec redis-server --bind 127.0.0.1 --protected-mode no --port "$port" --save "" --appendonly no \
      --maxclients 19000 --tcp-backlog 4096 --client-output-buffer-limit pubsub 0 0 0
    ;;
  nats) exec nats-server --addr 127.0.0.1 --port "$port" ;;
  mosquitto)
    exec mosquitto -c <(printf '%s\n' "listener $port 127.0.0.1" "allow_anonymous true" "set_tcp_nodelay true" \
      "max_queued_messages 0" "max_connections -1" "log_type error")
    ;;
  ws) NODE_PATH=/usr/share/nodejs NODE_ENV=production exec node "$here/broadcast.js" "$port" ;;
  *) sed -n '2s/^# //p' "$0" >&2; exit 2 ;;
esac
