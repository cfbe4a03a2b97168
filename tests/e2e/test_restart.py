"""Drain on SIGTERM, and what is still there after a restart or a crash."""

import asyncio

import pytest

from device import Chat, Closed, direct_id, new_id, seqs

SHARDS = pytest.mark.parametrize("before,after", [(1, 1), (2, 2), (1, 2), (2, 1)])


async def snapshot(device, conversations):
    page = await device.sync({c: 0 for c in conversations}, limit=200)
    assert page["more"] is False
    listed = (await device.conversations(limit=50))["conversations"]
    return {
        "sync": sorted(page["conversations"], key=lambda c: c["conversationId"]),
        "list": listed,
        "history": {c["conversationId"]: await device.whole_history(c["conversationId"]) for c in listed},
    }


async def test_sigterm_closes_every_connection_4000_and_the_process_ends_well(start_server):
    server = start_server(shards=2)
    chat = Chat(server)
    devices = await chat.connect_all(*[f"u{i}" for i in range(20)])
    server.terminate()
    for device in devices:
        code, reason = await device.closed(15)
        assert code == 4000 and reason.split(";")[0] == "draining"
    assert await asyncio.to_thread(server.wait) == 0
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", server.port)


async def test_what_was_sent_before_sigterm_is_answered_before_the_close(start_server):
    server = start_server()
    chat = Chat(server)
    alice = await chat.connect("alice")
    await alice.say("first", to="bob")
    for i in range(100):
        await alice.send("message.send", id=f"m{i}", to="bob", clientMsgId=new_id(), content=i)
    await alice.answer("m0")
    server.terminate()
    await alice.closed(15)
    assert await asyncio.to_thread(server.wait) == 0
    acked = [f["seq"] for f in alice.frames if f["type"] == "message.sent"]
    server.restart()
    alice = await chat.connect("alice")
    log = await alice.whole_history(direct_id(alice.user, "bob"))
    assert set(acked) <= set(seqs(log)) and seqs(log) == list(range(1, len(log) + 1))
    await chat.close()


@SHARDS
@pytest.mark.parametrize("durability", ["sync", "os"])
async def test_after_a_restart_everything_is_still_there(start_server, before, after, durability):
    if durability == "os" and before != after:
        pytest.skip("covered with sync")
    server = start_server(shards=before, durability=durability)
    chat = Chat(server, suffix="r")
    alice, bob, carol, dave = await chat.connect_all("alice", "bob", "carol", "dave")
    first = await alice.say({"a": 1}, to=bob.user, clientMsgId="dedup-1")
    dm = first["conversationId"]
    await alice.say_many(range(2, 11), to=bob.user)
    await bob.ok("message.received", conversationId=dm, seq=9)
    await bob.ok("message.read", conversationId=dm, seq=7)
    g = chat.name("g")
    await alice.create_group(g, [bob.user, carol.user], clientMsgId="dedup-2")
    await carol.say_many(range(5), conversation=g)
    await alice.set_role(g, bob.user, "admin")
    await alice.remove(g, carol.user)
    await alice.add(g, dave.user)
    await dave.say("late", conversation=g)
    await bob.ok("conversation.mute", conversationId=g)
    last = await alice.say("last", to=bob.user)
    names = ("alice", "bob", "carol", "dave")
    old = [await snapshot(d, [dm, g]) for d in (alice, bob, carol, dave)]

    server.terminate()
    for device in (alice, bob, carol, dave):
        assert (await device.closed(15))[0] == 4000
    assert await asyncio.to_thread(server.wait) == 0
    server.restart(shards=after)

    alice, bob, carol, dave = await chat.connect_all(*names)
    for device, was in zip((alice, bob, carol, dave), old):
        now = await snapshot(device, [dm, g])
        for part in ("history", "list", "sync"):
            assert now[part] == was[part], (device.label, part)
    assert old[1]["list"][0]["muted"] is False and old[1]["list"][1]["muted"] is True

    again = await alice.say({"a": 1}, to=bob.user, clientMsgId="dedup-1")
    assert (again["duplicate"], again["messageId"], again["seq"], again["timestamp"]) == (
        True, first["messageId"], 1, first["timestamp"])
    error = await alice.refused("idempotency_conflict", "message.send", to=bob.user, clientMsgId="dedup-1",
                                content="other")
    assert error["details"]["seq"] == 1
    following = await bob.say("on we go", to=alice.user)
    assert following["seq"] == last["seq"] + 1 and int(following["messageId"]) > int(last["messageId"])
    assert (await alice.expect("message.new"))["data"]["content"] == "on we go"

    await carol.refused("not_a_member", "message.send", conversationId=g, clientMsgId="x", content="boo")
    await bob.add(g, carol.user)
    assert (await carol.expect("conversation.member"))["data"]["op"] == "added"
    await dave.refused("forbidden", "conversation.addMembers", conversationId=g, members=["x"], clientMsgId="y")
    await bob.ok("message.read", conversationId=dm, seq=3)
    assert (await alice.synced(dm, last["seq"]))["cursors"][bob.user]["readSeq"] >= 7
    await chat.close()


@pytest.mark.slow
@pytest.mark.parametrize("shards", [1, 2])
@pytest.mark.parametrize("durability", ["sync", "os"])
async def test_after_kill_9_nothing_that_was_acknowledged_is_missing(start_server, shards, durability):
    server = start_server(shards=shards, durability=durability)
    chat = Chat(server, suffix="k")
    writers = await chat.connect_all("w0", "w1", "w2", "w3")
    g = chat.name("g")
    await writers[0].create_group(g, [w.user for w in writers[1:]])

    async def write(writer, number):
        for i in range(100_000):
            where = {"conversationId": g} if number % 2 else {"to": chat.name(f"peer{number}")}
            await writer.send("message.send", id=i, clientMsgId=f"k-{number}-{i}", content=f"{number}/{i}", **where)
            if i % 20 == 19:
                await writer.answer(i)

    tasks = [asyncio.ensure_future(write(w, n)) for n, w in enumerate(writers)]
    await asyncio.sleep(1.0)
    server.kill()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(result, Exception), "the writers go on until the server is gone"
    for writer in writers:
        await writer.closed()
    acked = {}
    for writer in writers:
        for frame in writer.frames:
            if frame["type"] == "message.sent":
                acked.setdefault(frame["conversationId"], {})[frame["seq"]] = frame["messageId"]
    assert sum(map(len, acked.values())) > 100

    server.restart()
    readers = await chat.connect_all("w0", "w1", "w2", "w3")
    for conversation, messages in acked.items():
        for reader in readers:
            answer = await reader.request("history", conversationId=conversation, limit=1)
            if answer["type"] == "history.page":
                break
        log = await reader.whole_history(conversation)
        assert seqs(log) == list(range(1, len(log) + 1)), "no gap, no duplicate"
        stored = {e["seq"]: e["messageId"] for e in log}
        assert messages.items() <= stored.items(), "an acknowledged message is missing or changed"
        ids = [int(e["messageId"]) for e in log if e["event"] == "message"]
        assert ids == sorted(set(ids))
    again = await readers[1].say("1/0", conversation=g, clientMsgId="k-1-0")
    assert again["duplicate"] is True
    await chat.close()


async def test_a_second_life_goes_on_with_clients_that_come_back(start_server):
    server = start_server()
    chat = Chat(server)
    alice, bob = await chat.connect_all("alice", "bob")
    await alice.say("one", to=bob.user)
    for round in range(3):
        server.terminate()
        with pytest.raises((AssertionError, Closed)):
            await alice.expect("never", timeout=15)
        assert await asyncio.to_thread(server.wait) == 0
        server.restart()
        alice, bob = await chat.connect_all("alice", "bob")
        assert (await alice.say(f"round {round}", to=bob.user))["seq"] == round + 2
        await bob.expect("message.new", content=f"round {round}")
    await chat.close()
