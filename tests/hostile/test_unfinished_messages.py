"""CWE-400, CWE-770, CWE-789: messages that never end, or are said to be larger than there is memory."""

import asyncio
import struct

import pytest

from device import Chat
from raw import CONTINUATION, PING, TEXT, RawSocket, frame
from watch import resident

LIMIT = 65536


@pytest.mark.parametrize("size", [LIMIT + 1, 1 << 20, 1 << 31, 1 << 32, (1 << 32) + 5, 1 << 62, (1 << 63) - 1])
async def test_a_length_beyond_the_limit_ends_the_connection_before_a_byte_of_it_is_kept(chat, size):
    bystander = await chat.connect("bystander")
    before = resident(chat.server.pid)
    sockets = [await RawSocket.connect(chat.server.port, chat.name(f"big{i}")) for i in range(50)]
    for socket in sockets:
        socket.write(frame(TEXT, "x", length=size))
    for socket in sockets:
        assert await socket.close_code() == 1009
        socket.close()
    assert resident(chat.server.pid) - before < 4 << 20
    await bystander.still_works()


async def test_a_length_with_the_highest_bit_is_no_length(chat):
    socket = await RawSocket.connect(chat.server.port, chat.name("big"))
    socket.write(b"\x81\xff" + struct.pack(">Q", (1 << 64) - 1) + b"\0\0\0\0")
    assert await socket.close_code() in (1002, 1009)
    socket.close()


async def test_unfinished_messages_cost_no_more_than_the_limit_each(start_server):
    server = start_server(shards=2)
    chat = Chat(server)
    bystander = await chat.connect("bystander")
    count = 200
    sockets = [await RawSocket.connect(server.port, f"u{i}") for i in range(count)]
    before = resident(server.pid)
    piece = frame(CONTINUATION, "y" * 1000, fin=False)
    for socket in sockets:
        socket.write(frame(TEXT, '{"type":"', fin=False) + piece * 60)
        await socket.writer.drain()
    await bystander.still_works()
    grown = resident(server.pid) - before
    print(f"{count} unfinished messages of 60 kB: {grown / count / 1e3:.0f} kB each")
    assert grown < count * 2 * LIMIT
    for socket in sockets:
        socket.write(piece * 10)
    for socket in sockets:
        assert await socket.close_code() == 1009
        socket.close()
    await chat.close()


async def test_empty_fragments_without_end_are_no_way_around_the_limit_on_time(start_server):
    server = start_server("--message-timeout-ms", "1500", shards=1)
    chat = Chat(server)
    alice, bob = await chat.connect_all("alice", "bob")
    ways = {
        "empty fragments": (frame(TEXT, "", fin=False), frame(CONTINUATION, "", fin=False)),
        "fragments of a byte": (frame(TEXT, '{', fin=False), frame(CONTINUATION, " ", fin=False)),
        "fragments and pings": (frame(TEXT, '{', fin=False), frame(PING, "x")),
        "a frame byte by byte": (frame(TEXT, "x" * 1000)[:6], b"x"),
    }
    sockets = {name: await RawSocket.connect(server.port, f"slow{i}") for i, name in enumerate(ways)}
    began = asyncio.get_running_loop().time()
    for name, socket in sockets.items():
        socket.write(ways[name][0])
    closing = {name: asyncio.ensure_future(socket.close_code(8)) for name, socket in sockets.items()}
    while not all(task.done() for task in closing.values()):
        for name, socket in sockets.items():
            if not closing[name].done():
                socket.write(ways[name][1])
        await asyncio.sleep(0.1)
        assert asyncio.get_running_loop().time() - began < 5
    for name, task in closing.items():
        assert task.result() == 1008, name
    await alice.say("hi", to=bob.user)
    # One who takes a moment, again and again, but does finish, is none of them.
    slow = await RawSocket.connect(server.port, "careful")
    whole = b'{"type":"presence.ping"}'
    for _ in range(8):
        slow.write(frame(TEXT, whole[:5], fin=False))
        await asyncio.sleep(0.3)
        slow.write(frame(CONTINUATION, whole[5:]) + frame(TEXT, whole, fin=False))
        await slow.expect("presence.pong")
        slow.write(frame(CONTINUATION, ""))
        await slow.expect("presence.pong")
    slow.close()
    await chat.close()
