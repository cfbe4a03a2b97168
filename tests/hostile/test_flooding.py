"""CWE-770, CWE-799: one user who sends without end, in every kind of command."""

import asyncio
import json
import struct

import pytest

from device import Chat, check_error, new_id
from raw import CLOSE, TEXT, RawSocket
from swarm import in_processes, open_session, text_frame
from watch import check_latency, latencies

KINDS = {
    "events": {"type": "message.send", "to": "nobody", "content": 1},
    "receipts": {"type": "message.received", "conversationId": "c", "seq": 1},
    "typing": {"type": "typing.start", "conversationId": "c"},
    "queries": {"type": "conversations.list", "limit": 1},
    "presence": {"type": "presence.get", "users": ["bob"]},
    "pings": {"type": "presence.ping"},
}
MOST = 40_000  # commands a flooder gets out before it must have been closed


def flood(port, user, command):
    """Sends and never waits, though it reads. Returns (taken, told to wait, smallest and largest retryAfterMs, code)."""
    made, frames = open_session(port, user, "flooder")
    taken = refused = sent = 0
    waits = []
    while sent < MOST:
        batch = []
        for _ in range(50):
            sent += 1
            batch.append(text_frame(json.dumps({**command, "id": sent, "clientMsgId": f"f-{sent}"}).encode()))
        try:
            made.sendall(b"".join(batch))
        except OSError:
            return taken, refused, waits and (min(waits), max(waits)), None
        answered = 0
        for opcode, payload in frames:
            if opcode == 8:
                return taken, refused, waits and (min(waits), max(waits)), struct.unpack(">H", payload[:2])[0]
            answer = json.loads(payload)
            if "id" not in answer:
                continue
            answered += 1
            if answer.get("code") == "rate_limited":
                refused += 1
                waits.append(answer["retryAfterMs"])
            elif answer.get("code") != "retry_in_order":
                taken += 1
            if answered == 50:
                break
        else:
            return taken, refused, waits and (min(waits), max(waits)), None
    return taken, refused, waits and (min(waits), max(waits)), "never"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_flooder_is_told_to_wait_then_closed_and_nobody_else_notices(start_server, kind):
    server = start_server(shards=1, rate_limit=50)
    chat = Chat(server)
    alice, bob = await chat.connect_all("alice", "bob")
    await alice.say("warm", to=bob.user)
    before = await latencies(alice, bob, seconds=1, pause=0.05)
    flooding = asyncio.ensure_future(in_processes(flood, [(server.port, "mallory", KINDS[kind])]))
    over = asyncio.Event()
    flooding.add_done_callback(lambda _: over.set())
    during = await latencies(alice, bob, until=over, pause=0.05)
    [(taken, refused, waits, code)] = await flooding
    print(f"{taken} taken, {refused} told to wait {waits} ms, closed {code}")
    assert code == 4504 and refused > 0
    assert waits[0] > 0 and waits[1] <= 60_000
    check_latency(before, during, floor=0.1)
    # It may come back and behave.
    mallory = await chat.open("user=mallory&device=flooder")
    await mallory.expect("welcome")
    await chat.close()


def ping_flood(port, count):
    """Pings in pieces of 6,000, as fast as they go. Returns the pongs; the last is that of the last ping."""
    made, frames = open_session(port, "pinger", "d")
    pongs = 0
    piece = b"\x89\x80\0\0\0\0" * 6_000
    for _ in range(count // 6_000):
        made.sendall(piece + b"\x89\x84\0\0\0\0last")
        for opcode, payload in frames:
            pongs += opcode == 10
            if payload == b"last":
                break
    return pongs


async def test_a_flood_of_pings_is_answered_and_nobody_else_notices(start_server):
    """The class of CVE-2019-9512 (Ping Flood): control frames cost their sender next to nothing."""
    server = start_server(shards=1, rate_limit=50)
    chat = Chat(server)
    alice, bob = await chat.connect_all("alice", "bob")
    await alice.say("warm", to=bob.user)
    before = await latencies(alice, bob, seconds=1, pause=0.05)
    flooding = asyncio.ensure_future(in_processes(ping_flood, [(server.port, 3_000_000)]))
    over = asyncio.Event()
    flooding.add_done_callback(lambda _: over.set())
    during = await latencies(alice, bob, until=over, pause=0.05)
    [pongs] = await flooding
    print(f"{pongs} pongs for 3000000 pings")
    assert 500 <= pongs < 300_000, "pings that come together are answered together"
    check_latency(before, during, floor=0.1)
    await chat.close()


async def test_who_waits_as_told_is_never_closed(start_server):
    server = start_server(shards=1, rate_limit=20)
    chat = Chat(server)
    alice = await chat.connect("alice")
    done = told = 0
    began = asyncio.get_running_loop().time()
    while done < 100:
        answer = await alice.request("message.send", to="bob", clientMsgId=f"w-{done}", content=done)
        if answer["type"] == "message.sent":
            done += 1
            continue
        check_error(answer, "rate_limited")
        told += 1
        await asyncio.sleep(answer["retryAfterMs"] / 1000)
    seconds = asyncio.get_running_loop().time() - began
    assert told > 10 and seconds >= (100 - 40) / 20 * 0.9
    await chat.close()


async def test_more_devices_do_not_make_a_users_limit_larger(start_server):
    server = start_server(shards=2, rate_limit=10)  # 20 at once for a device, 80 for the user
    chat = Chat(server)
    devices = await asyncio.gather(*[chat.connect("alice", f"d{i}") for i in range(8)])
    carol = await chat.connect("carol")

    async def burst(device):
        for i in range(30):
            await device.send("message.send", id=f"b{i}", to="bob", clientMsgId=new_id(), content=i)
        return [await device.answer(f"b{i}", 10) for i in range(30)]

    began = asyncio.get_running_loop().time()
    answers = [a for each in await asyncio.gather(*map(burst, devices)) for a in each]
    seconds = asyncio.get_running_loop().time() - began
    taken = sum(1 for a in answers if a["type"] == "message.sent")
    assert 60 <= taken <= 80 + 40 * seconds + 1, (taken, seconds)
    assert (await carol.say("hi", to="bob"))["type"] == "message.sent"
    await chat.close()


async def test_coming_back_does_not_fill_a_bucket(start_server):
    server = start_server(shards=1, rate_limit=5)
    taken = 0
    began = asyncio.get_running_loop().time()
    for _ in range(10):
        socket = await RawSocket.connect(server.port, "alice")
        for i in range(15):
            socket.send("message.send", id=i, to="bob", clientMsgId=new_id(), content=i)
        answered = 0
        while answered < 15:
            _, opcode, payload = await socket.read_frame()
            assert opcode != CLOSE, payload
            if opcode == TEXT and "id" in (answer := json.loads(payload)):
                answered += 1
                taken += answer["type"] == "message.sent"
        socket.close()
    seconds = asyncio.get_running_loop().time() - began
    assert taken <= 10 + 5 * seconds + 1, (taken, seconds)


async def test_off_means_no_limit_on_anything(start_server):
    server = start_server(shards=1, rate_limit="off")
    chat = Chat(server)
    alice = await chat.connect("alice")
    for kind, command in KINDS.items():
        for i in range(1500):
            await alice.send(id=f"{kind}{i}", clientMsgId=f"{kind}{i}", **command)
        for i in range(1500):
            answer = await alice.answer(f"{kind}{i}", 20)
            assert answer.get("code") not in ("rate_limited", "retry_in_order"), answer.raw
        alice._pending.clear()
    await alice.still_works()
    await chat.close()
