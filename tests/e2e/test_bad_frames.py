"""Bad input below JSON: RFC 6455's close codes, fragments, control frames; others are not disturbed."""

import asyncio
import json
import struct

import pytest

from raw import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, RawSocket, frame

PING_COMMAND = '{"type":"presence.ping","id":1}'


def closing(code, reason=b""):
    return frame(CLOSE, struct.pack(">H", code) + reason)


BAD_FRAMES = {
    "an unmasked frame": (frame(TEXT, PING_COMMAND, masked=False), {1002}),
    "reserved bit 1": (frame(TEXT, PING_COMMAND, reserved=4), {1002}),
    "reserved bit 2": (frame(TEXT, PING_COMMAND, reserved=2), {1002}),
    "reserved bit 3": (frame(TEXT, PING_COMMAND, reserved=1), {1002}),
    "opcode 3": (frame(3, "x"), {1002}),
    "opcode 7": (frame(7, "x"), {1002}),
    "opcode 11": (frame(11, "x"), {1002}),
    "opcode 15": (frame(15, "x"), {1002}),
    "a fragmented ping": (frame(PING, "x", fin=False), {1002}),
    "a ping of 126 bytes": (frame(PING, "x" * 126), {1002}),
    "a close of 126 bytes": (frame(CLOSE, struct.pack(">H", 1000) + b"x" * 124), {1002}),
    "a continuation of nothing": (frame(CONTINUATION, "x"), {1002}),
    "a new message inside another": (frame(TEXT, "{", fin=False) + frame(TEXT, "}"), {1002}),
    "a close of one byte": (frame(CLOSE, b"\x03"), {1002}),
    "close code 999": (closing(999), {1002}),
    "close code 1005": (closing(1005), {1002}),
    "close code 1006": (closing(1006), {1002}),
    "close code 1015": (closing(1015), {1002}),
    "close code 2999": (closing(2999), {1002}),
    "close code 5000": (closing(5000), {1002}),
    "a close reason that is not UTF-8": (closing(1000, b"\xff\xfe"), {1007}),
    "a length with its highest bit set": (frame(TEXT, "x", length=1 << 63), {1002, 1009}),
    "a binary frame": (frame(BINARY, PING_COMMAND), {1003}),
    "text with a stray byte": (frame(TEXT, b'{"type":"\xff"}'), {1007}),
    "text with an overlong form": (frame(TEXT, b'{"x":"\xc0\xaf"}'), {1007}),
    "text with a surrogate": (frame(TEXT, b'{"x":"\xed\xa0\x80"}'), {1007}),
    "text beyond U+10FFFF": (frame(TEXT, b'{"x":"\xf4\x90\x80\x80"}'), {1007}),
    "text that ends inside a character": (frame(TEXT, b'{"x":"\xe2\x82'), {1007}),
    "a fragment that ends the text inside a character":
        (frame(TEXT, b'{"x":"\xe2', fin=False) + frame(CONTINUATION, b'\x82'), {1007}),
    "a frame over the limit": (frame(TEXT, '{"x":"' + "y" * 65536 + '"}'), {1009}),
    "a head that announces a gigabyte": (frame(TEXT, "x", length=1 << 30), {1009}),
    "fragments over the limit":
        (frame(TEXT, "y" * 40000, fin=False) + frame(CONTINUATION, "y" * 40000, fin=False), {1009}),
}


@pytest.mark.parametrize("name", BAD_FRAMES)
async def test_a_bad_frame_is_closed_with_its_code_and_others_are_served(chat, name):
    data, codes = BAD_FRAMES[name]
    bystander, other = await chat.connect_all("bystander", "other")
    socket = await RawSocket.connect(chat.server.port, chat.name("bad"))
    try:
        socket.write(data)
        assert await socket.close_code() in codes
        socket.write(closing(1002))
        await socket.ended()
    finally:
        socket.close()
    await bystander.say("hi", to=other.user)
    await other.expect("message.new")


async def test_a_frame_over_the_limit_is_refused_on_a_second_connection_too(chat):
    for _ in range(3):
        socket = await RawSocket.connect(chat.server.port, chat.name("bad"))
        socket.write(frame(TEXT, "{}" + " " * 65535))
        assert await socket.close_code() == 1009
        socket.close()


async def test_what_follows_a_bad_frame_is_not_obeyed(chat):
    bob = await chat.connect("bob")
    socket = await RawSocket.connect(chat.server.port, chat.name("bad"))
    command = json.dumps({"type": "message.send", "to": bob.user, "clientMsgId": "u", "content": "late"})
    socket.write(frame(CONTINUATION, "x") + frame(TEXT, command))
    assert await socket.close_code() == 1002
    socket.close()
    await bob.expect_nothing("message.new", within=0.2)


async def opened(chat):
    return await RawSocket.connect(chat.server.port, chat.name("raw"))


async def test_a_message_may_come_in_fragments(chat):
    socket = await opened(chat)
    data = PING_COMMAND.encode()
    socket.write(frame(TEXT, data[:5], fin=False) + frame(CONTINUATION, b"", fin=False))
    socket.write(frame(CONTINUATION, data[5:9], fin=False) + frame(CONTINUATION, data[9:]))
    assert (await socket.expect("presence.pong"))["id"] == 1
    socket.close()


async def test_a_character_may_be_split_over_fragments(chat):
    socket = await opened(chat)
    data = '{"type":"presence.ping","id":"é☃👍"}'.encode()
    for i in range(len(data)):
        socket.write(frame(TEXT if i == 0 else CONTINUATION, data[i:i + 1], fin=i == len(data) - 1))
    assert (await socket.expect("presence.pong"))["id"] == "é☃👍"
    socket.close()


async def test_a_ping_between_fragments_is_answered_at_once_with_its_payload(chat):
    socket = await opened(chat)
    socket.write(frame(TEXT, PING_COMMAND[:8], fin=False) + frame(PING, b"\x00\xffping"))
    while True:
        fin, opcode, payload = await socket.read_frame()
        if opcode == PONG:
            break
    assert fin and payload == b"\x00\xffping"
    socket.write(frame(CONTINUATION, PING_COMMAND[8:]))
    await socket.expect("presence.pong")
    socket.close()


async def test_pings_of_zero_and_of_125_bytes_are_answered(chat):
    socket = await opened(chat)
    for payload in (b"", b"x" * 125):
        socket.write(frame(PING, payload))
        while True:
            _, opcode, answer = await socket.read_frame()
            if opcode == PONG:
                break
        assert answer == payload
    socket.close()


async def test_a_pong_nobody_asked_for_is_ignored(chat):
    socket = await opened(chat)
    socket.write(frame(PONG, b"unasked") + frame(TEXT, PING_COMMAND))
    await socket.expect("presence.pong")
    socket.close()


async def test_frames_may_come_byte_by_byte_or_many_at_once(chat):
    socket = await opened(chat)
    for byte in frame(TEXT, PING_COMMAND):
        socket.write(bytes([byte]))
        await asyncio.sleep(0)
    await socket.expect("presence.pong")
    socket.write(b"".join(frame(TEXT, '{"type":"presence.ping","id":%d}' % i) for i in range(300)))
    assert [(await socket.expect("presence.pong"))["id"] for _ in range(300)] == list(range(300))
    socket.close()


@pytest.mark.parametrize("code", [1000, 1001, 3000, 4999, None])
async def test_a_close_is_answered_with_a_close(chat, code):
    socket = await opened(chat)
    socket.write(frame(CLOSE) if code is None else closing(code, b"bye"))
    assert await socket.close_code() in (code or 1005, 1000)
    await socket.ended()
    socket.close()


async def test_a_connection_that_vanishes_in_the_middle_of_a_frame_harms_nobody(chat):
    bystander = await chat.connect("bystander")
    for cut in (1, 3, 7, 15):
        socket = await RawSocket.connect(chat.server.port, chat.name("gone"), f"d{cut}")
        socket.write(frame(TEXT, PING_COMMAND)[:cut])
        await asyncio.sleep(0.01)
        socket.close()
    await bystander.still_works()


@pytest.mark.slow
async def test_one_who_does_not_read_slows_nobody_down(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    g = chat.name("g")
    stuck = await RawSocket.connect(chat.server.port, chat.name("stuck"))
    stuck.reader._transport.pause_reading()
    await alice.create_group(g, [bob.user, chat.name("stuck")])
    big = "x" * 16000
    for _ in range(20):
        await alice.say_many([big] * 50, conversation=g)
    await bob.expect("message.new", seq=1001, timeout=10)
    assert [f["data"]["seq"] for f in bob.frames if f["type"] == "message.new"] == list(range(2, 1002))
    # What was withheld is named once there is room again, unless the server has given up on the reader.
    stuck.reader._transport.resume_reading()
    try:
        seen, required = await drain(stuck, g)
        assert seen == sorted(set(seen))
        assert required == 1001 or seen[-1] == 1001
    finally:
        stuck.close()


async def drain(socket, conversation):
    """Reads until the head was delivered or named; (seqs seen, head named by sync.required)."""
    seen = []
    while True:
        try:
            _, opcode, payload = await socket.read_frame(15)
        except (asyncio.IncompleteReadError, ConnectionError):
            return seen or [0], 1001
        if opcode == CLOSE:
            assert struct.unpack(">H", payload[:2])[0] == 4001
            return seen or [0], 1001
        if opcode != TEXT:
            continue
        found = json.loads(payload)
        if found["type"] == "message.new":
            seen.append(found["data"]["seq"])
            if seen[-1] == 1001:
                return seen, None
        if found["type"] == "sync.required" and found["conversations"].get(conversation) == 1001:
            return seen, 1001
