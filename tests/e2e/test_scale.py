"""A group of 1,000 connected members: everybody receives every message, in order."""

import asyncio
import json
import time

import pytest

from device import Chat, new_id
from raw import CLOSE, TEXT, RawSocket

MEMBERS = 1000
MESSAGES = 20


async def connect_members(server, users):
    async def one(user):
        async with gate:
            return await RawSocket.connect(server.port, user)
    gate = asyncio.Semaphore(50)
    return await asyncio.gather(*[one(user) for user in users])


async def receive(socket, group):
    """The numbers of the group's messages as they arrive, until all have come."""
    seen = []
    while len(seen) < MESSAGES:
        _, opcode, payload = await socket._read_frame()
        assert opcode != CLOSE, payload
        if opcode != TEXT:
            continue
        found = json.loads(payload)
        assert found["type"] in ("conversation.created", "conversation.member", "message.new"), found
        if found["type"] == "message.new":
            assert found["data"]["conversationId"] == group
            seen.append((found["data"]["seq"], found["data"]["content"]["n"]))
    return seen


@pytest.mark.slow
@pytest.mark.parametrize("shards", [1, 2])
async def test_every_member_of_a_large_group_receives_every_message_in_order(start_server, shards):
    server = start_server(shards=shards)
    chat = Chat(server, suffix="s")
    users = [f"member{i}" for i in range(MEMBERS - 1)]
    sockets = await connect_members(server, users)
    alice = await chat.connect("alice")
    g = "large"
    await alice.create_group(g, users[:500])
    await alice.add(g, *users[500:])

    receivers = [asyncio.ensure_future(receive(s, g)) for s in sockets]
    started = time.monotonic()
    sent = []
    for n in range(MESSAGES):
        await alice.send("message.send", id=f"n{n}", conversationId=g, clientMsgId=new_id(),
                         content={"n": n, "text": "x" * 100})
    for n in range(MESSAGES):
        answer = await alice.answer(f"n{n}", 20)
        assert answer["type"] == "message.sent", answer.raw
        sent.append((answer["seq"], n))
    assert sent == [(3 + n, n) for n in range(MESSAGES)]
    for result in await asyncio.wait_for(asyncio.gather(*receivers), 40):
        assert result == sent
    print(f"{(MEMBERS - 1) * MESSAGES} deliveries in {time.monotonic() - started:.2f} s, Python's parsing included")
    for socket in sockets:
        socket.close()
    await chat.close()
