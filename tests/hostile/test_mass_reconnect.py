"""CWE-405, CWE-400: a thundering herd. All of a large group but two lose their connection at once and come back."""

import asyncio
import os
import resource
import time

from crowd import Crowd
from device import Chat, new_id
from watch import latencies, percentile, settled

_, DESCRIPTORS = resource.getrlimit(resource.RLIMIT_NOFILE)
UNLIMITED = DESCRIPTORS == resource.RLIM_INFINITY
COUNT = int(os.environ.get("HOSTILE_MEMBERS", 10_000 if UNLIMITED else min(10_000, DESCRIPTORS - 1_000)))
SEED = int(os.environ.get("HOSTILE_SEED", "0")) or int.from_bytes(os.urandom(4), "big")
PROCESSES = 2
GROUP = "herd"
DELIVERIES = 8000  # a second: what the clients' processes take in beside everything else
STARVED = 0.5  # seconds; the clients' processes leave the server less than a core of two


async def chatter(alice, until):
    """Messages to the group until told to stop; the seq of the last."""
    last = 0
    while not until.is_set():
        last = (await alice.say({"at": time.time()}, conversation=GROUP))["seq"]
        await asyncio.sleep(COUNT / DELIVERIES)
    return last


async def test_a_whole_group_comes_back_at_once_and_misses_nothing(start_server):
    print(f"HOSTILE_SEED={SEED}")
    server = start_server("--presence-debounce-ms", "100", shards=2, rate_limit=1000)
    chat = Chat(server, suffix="herd")
    alice, bob, carol = await chat.connect_all("alice", "bob", "carol")
    users = [f"member{i}" for i in range(COUNT)]
    await alice.create_group(GROUP, [bob.user] + users[:499])
    for i in range(499, COUNT, 500):
        await alice.add(GROUP, *users[i:i + 500])
    head = (await alice.say("first", conversation=GROUP))["seq"]
    crowds = [Crowd(server.port, users[i::PROCESSES], GROUP, head, SEED) for i in range(PROCESSES)]
    try:
        await herd(server, chat, alice, bob, carol, crowds, head)
    finally:
        for crowd in crowds:
            crowd.end()


async def herd(server, chat, alice, bob, carol, crowds, head):
    assert [await crowd.answer() for crowd in crowds] == ["connected"] * PROCESSES
    await settled(server, connections=COUNT + 3)
    bob.frames.clear()
    over = asyncio.Event()
    talking = asyncio.ensure_future(chatter(alice, over))
    before = await latencies(carol, bob, seconds=2, pause=0.05)

    measured = asyncio.Event()
    during = asyncio.ensure_future(latencies(carol, bob, until=measured, pause=0.05))
    for crowd in crowds:
        crowd.order("drop")
    back = [await crowd.answer() for crowd in crowds]
    await asyncio.sleep(0.5)
    measured.set()
    during = await during
    over.set()
    last = await talking

    for crowd in crowds:
        crowd.order("reach", last)
    for seconds, heads, fetched in [await crowd.answer() for crowd in crowds]:
        assert heads == {last}
        print(f"caught up {seconds:.2f} s after the last message; {fetched} events fetched")
    print(f"{COUNT} members were back {max(back):.2f} s after they were dropped; a pair that stayed: p99 "
          f"{percentile(before, 0.99) * 1e3:.0f} ms before, {percentile(during, 0.99) * 1e3:.0f} ms during "
          f"({len(during)} messages)")
    group = [f["data"]["seq"] for f in bob.frames if f["type"] == "message.new"
             and f["data"]["conversationId"] == GROUP]
    assert group == list(range(head + 1, last + 1)), "who stayed received everything, in order"
    assert percentile(during, 0.99) <= max(2 * percentile(before, 0.99), STARVED)
    await settled(server, connections=COUNT + 3)
    await chat.close()
