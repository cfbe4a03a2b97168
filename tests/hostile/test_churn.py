"""CWE-401, CWE-404, CWE-770: coming and going leaves nothing behind."""

import os
import random

from device import Chat
from swarm import UPGRADE, connect, in_processes, open_session, text_frame
from watch import resident, resident_within, settled

COUNT = int(os.environ.get("HOSTILE_CHURN", "100000"))
PROCESSES = 2
USERS = 30  # more would be seen offline more often, and when each was last seen is written to the store
DRIFT = 0.05
SLACK = 1 << 20  # a page here and there is not a leak


def churn(port, count, number):
    """Every way to come and to go."""
    chance = random.Random(f"churn/{number}")
    for i in range(count):
        source = f"127.0.{1 + number}.{1 + i % 250}"
        user = f"u{chance.randrange(USERS)}"
        # Fewer devices than a user may have: making room for one more is written to the store.
        device = f"d{chance.randrange(4)}.{number % PROCESSES}"
        way = i % 5
        if way == 0:
            connect(port, source).close()
        elif way == 1:
            made = connect(port, source)
            made.sendall(UPGRADE.format(user=user, device=device).encode()[:chance.randrange(1, 150)])
            made.close()
        elif way == 2:
            made = connect(port, source)
            made.sendall(UPGRADE.format(user=user, device=device).encode())
            made.close()
        elif way == 3:
            made, _ = open_session(port, user, device, source)
            made.sendall(text_frame(b'{"type":"presence.subscribe","users":["%s","u1"]}' % user.encode()))
            made.close()
        else:
            made, frames = open_session(port, user, device, source)
            made.sendall(text_frame(b'{"type":"typing.start","conversationId":"nowhere"}'))
            made.sendall(b"\x88\x82\0\0\0\0\x03\xe8")
            for opcode, _ in frames:
                if opcode == 8:
                    break
            made.close()
    return count


async def test_memory_is_flat_and_nothing_is_left_after_many_connections(start_server):
    server = start_server("--presence-debounce-ms", "100", shards=2, rate_limit=1000)
    chat = Chat(server)
    watched = await chat.connect("bystander")

    async def run(count, first):
        await in_processes(churn, [(server.port, count // PROCESSES, first + i) for i in range(PROCESSES)])
        # The closing linger, the debounce, and a turn of the rate limits' sweep.
        return await settled(server, timeout=20, connections=1, users=1, rateBuckets=0)

    # As many as are measured: the timers of a busy time and what the allocator keeps are there after one.
    await run(COUNT, 0)
    warm = resident(server.pid)
    await run(COUNT, PROCESSES)
    # What is freed goes back to the system by and by.
    end = await resident_within(server.pid, warm + max(warm * DRIFT, SLACK), seconds=30)
    print(f"{COUNT} connections after {COUNT}: resident {warm / 1e6:.1f} MB, then {end / 1e6:.1f} MB "
          f"({(end - warm) / warm:+.1%})")
    await watched.still_works()
    await watched.close()
    await settled(server, connections=0, topics=0, users=0)
    assert end - warm <= max(warm * DRIFT, SLACK)
    assert server.stop() == 0
