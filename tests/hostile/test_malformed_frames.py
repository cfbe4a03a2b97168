"""CWE-20, CWE-116, CWE-674, CWE-789: what is no command, by the hundred thousand, from many connections at once."""

import asyncio
import os
import random
import struct
import time

from device import Chat
from swarm import Frames, in_processes, open_session, text_frame
from watch import check_latency, latencies, resident, settled

COUNT = int(os.environ.get("HOSTILE_FRAMES", "1000000"))
SEED = int(os.environ.get("HOSTILE_SEED", "0")) or int.from_bytes(os.urandom(4), "big")
PROCESSES = 2
SOCKETS = 25  # of each process
BATCH = 50
DRIFT = 0.05
SLACK = 2 << 20

COMMANDS = [
    b'{"type":"message.send","id":7,"conversationId":"c1","clientMsgId":"u-1","content":"hi"}',
    b'{"type":"message.send","to":"bob","clientMsgId":"u-2","content":{"a":[1,2.5e-3,null,true,"\\u00e9"]}}',
    b'{"type":"message.received","cursors":{"c1":42,"c2":7}}',
    b'{"type":"sync","watermarks":{"c1":41,"c2":{"seq":7,"epoch":2}},"limit":200}',
    b'{"type":"conversation.create","clientMsgId":"x","name":"Family","members":["bob","carol"]}',
    b'{"type":"presence.subscribe","users":["bob","carol"]}',
    b'{"type":"history","conversationId":"c1","before":43,"limit":50}',
]


def spoil(chance):
    """A command that is none any more, in ASCII (what is not UTF-8 would end the connection)."""
    command = bytearray(chance.choice(COMMANDS))
    way = chance.randrange(8)
    if way == 0:
        del command[chance.randrange(1, len(command)):]
    elif way == 1:
        command += command[:chance.randrange(1, len(command))]
    elif way == 2:
        command = bytearray(b'{"type":' + b"[" * chance.randrange(1, 3000))
    elif way == 3:
        command = bytearray(b'{"type":"' + bytes(chance.randrange(97, 123) for _ in range(30)) + b'","id":1}')
    elif way == 4:
        command = bytearray(b'{"type":"sync","limit":' + b"9" * chance.randrange(20, 400) + b"}")
    elif way == 5:
        command[0:1] = b'{"type":"message.send",'
    elif way == 6:
        command = bytearray(b'{"a":' * chance.randrange(1, 500) + b"1" + b"}" * chance.randrange(0, 500))
    else:
        for _ in range(3):
            command[chance.randrange(len(command) - 1)] = chance.randrange(1, 128)
        command.insert(0, 0x5D)
    return bytes(command)


BROKEN = [
    b"\x81\x05hello",                                               # not masked
    b"\xf1\x80\0\0\0\0",                                            # reserved bits
    b"\x83\x80\0\0\0\0",                                            # an opcode that is none
    b"\x80\x81\0\0\0\0x",                                           # a continuation of nothing
    b"\x09\x80\0\0\0\0",                                            # a fragmented ping
    b"\x89\xfe\x00\x7e\0\0\0\0",                                    # a ping of 126 bytes
    b"\x81\xff" + struct.pack(">Q", 1 << 63) + b"\0\0\0\0",         # a negative length
    b"\x81\xff" + struct.pack(">Q", (1 << 63) - 1) + b"\0\0\0\0",   # all the memory there is
    b"\x81\xff" + struct.pack(">Q", 1 << 32) + b"\0\0\0\0",         # one that is 0 in 32 bits
    b"\x81\xff" + struct.pack(">Q", 5) + b"\0\0\0\0hello",          # a length that is too long for itself
    b"\x81\x82\0\0\0\0\xff\xfe",                                    # not UTF-8
    b"\x88\x81\0\0\0\0\x03",                                        # a close of one byte
    b"\x82\x81\0\0\0\0x",                                           # binary
]


def spam(port, count, number, seed):
    """Frames that are no commands; every one must be answered or end its connection. Returns (frames, ended)."""
    chance = random.Random(f"{seed}/{number}")
    pool = [text_frame(spoil(chance)) for _ in range(4000)]
    sockets = [open_session(port, f"s{number}.{i}", "d") for i in range(SOCKETS)]
    sent = ended = 0
    while sent < count:
        for i, (made, frames) in enumerate(sockets):
            broken = chance.random() < 0.1
            batch = [chance.choice(pool) for _ in range(BATCH)] + ([chance.choice(BROKEN)] if broken else [])
            made.sendall(b"".join(batch))
            answered = 0
            for opcode, payload in frames:
                if opcode == 1:
                    assert b'"type":"error"' in payload, payload
                    answered += 1
                if opcode == 8 or (answered == BATCH and not broken):
                    break
            assert answered == BATCH, (answered, batch[answered])
            sent += len(batch)
            if broken:
                ended += 1
                made.close()
                sockets[i] = open_session(port, f"s{number}.{i}", "d")
    for made, _ in sockets:
        made.close()
    return sent, ended


async def test_malformed_frames_neither_crash_nor_fatten_the_server(start_server):
    print(f"HOSTILE_SEED={SEED}")
    server = start_server("--presence-debounce-ms", "100", shards=2)
    chat = Chat(server)
    alice, bob = await chat.connect_all("alice", "bob")

    async def run(count, first):
        jobs = [(server.port, count // PROCESSES, first + i, SEED) for i in range(PROCESSES)]
        results = await in_processes(spam, jobs)
        await settled(server, connections=2)
        return [sum(column) for column in zip(*results)]

    await run(COUNT // 4, 0)
    warm = resident(server.pid)
    began = time.monotonic()
    sent, ended = await run(COUNT, PROCESSES)
    end = resident(server.pid)
    print(f"{sent} malformed frames in {time.monotonic() - began:.1f} s, {ended} ended their connection: resident "
          f"{warm / 1e6:.1f} MB, then {end / 1e6:.1f} MB ({(end - warm) / warm:+.1%})")
    assert abs(end - warm) <= max(warm * DRIFT, SLACK)
    await alice.say("still here", to=bob.user)
    await bob.expect("message.new")
    await chat.close()
    assert server.stop() == 0


async def test_who_sends_nothing_but_rubbish_is_closed_and_nobody_else_notices(start_server):
    server = start_server(shards=1, rate_limit=50)
    chat = Chat(server)
    alice, bob = await chat.connect_all("alice", "bob")
    await alice.say("warm", to=bob.user)
    before = await latencies(alice, bob, seconds=1, pause=0.05)
    rubbish = asyncio.ensure_future(in_processes(rubbish_until_closed, [(server.port, i) for i in range(2)]))
    over = asyncio.Event()
    rubbish.add_done_callback(lambda _: over.set())
    during = await latencies(alice, bob, until=over, pause=0.05)
    for sent, code in await rubbish:
        print(f"closed {code} after {sent} frames that are no command")
        assert code == 4504
        assert sent < 20_000
    check_latency(before, during, floor=0.1)
    await chat.close()


def rubbish_until_closed(port, number):
    made, frames = open_session(port, f"r{number}", "d")
    sent = 0
    while True:
        try:
            made.sendall(text_frame(b"}{") * 20)
        except OSError:
            return sent, None
        sent += 20
        for _ in range(20):
            opcode, payload = next(frames, (None, b""))
            if opcode in (8, None):
                return sent, struct.unpack(">H", payload[:2])[0] if payload else None
