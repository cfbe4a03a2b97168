"""CWE-400, CWE-772; the class of CVE-2007-6750 (Slowloris): connections that never finish asking."""

import asyncio
import os

from device import Chat
from swarm import drip, in_processes
from watch import check_latency, latencies, settled

COUNT = int(os.environ.get("HOSTILE_HANDSHAKES", "2000"))
LIMIT = 10.0  # GatewayOptions::handshakeTimeout


async def test_dripping_handshakes_are_cut_off_in_time_and_nobody_else_notices(start_server):
    server = start_server(shards=2)
    chat = Chat(server)
    alice, bob = await chat.connect_all("alice", "bob")
    await alice.say("warm", to=bob.user)
    before = await latencies(alice, bob, seconds=3)
    dripping = asyncio.ensure_future(in_processes(drip, [(server.port, COUNT, 15, "127.0.0.2")]))
    over = asyncio.Event()
    dripping.add_done_callback(lambda _: over.set())
    await asyncio.sleep(1.5)  # the other process's start is not the server's
    during = await latencies(alice, bob, until=over)
    [(opened, ages, left)] = await dripping
    print(f"{COUNT} half-open handshakes, opened in {opened:.2f} s, lived {min(ages):.2f} to {max(ages):.2f} s")
    assert left == 0 and len(ages) == COUNT
    assert max(ages) <= LIMIT
    assert min(ages) > LIMIT - 1.5, "they were dripping, so they were not cut off for something else"
    check_latency(before, during, floor=0.1)
    await settled(server, connections=2)
    await chat.close()
