"""A device that has nothing yet: all conversations, the most recently active first, page by page, over any connection."""

import asyncio
import time

import pytest

from device import Chat, new_id, seqs
from test_sync_tokens import by_id, token_of


async def talks_with(chat, user, names, messages=3):
    """Direct conversations with each of `names`, the last one the most recently active; by name."""
    made = {}
    for name in names:
        sender = await chat.connect(name)
        sent = await sender.say_many([f"{name} {i}" for i in range(messages)], to=user)
        made[name] = sent[0]["conversationId"]
        # The most recent of two conversations is told by the millisecond.
        while time.time() * 1000 < sent[-1]["timestamp"] + 1:
            await asyncio.sleep(0.001)
    return made


class Copy:
    """What a device has after the pages it was given: each conversation's events, without a hole."""

    def __init__(self):
        self.events, self.order, self.token, self.more = {}, [], None, True

    def take(self, page):
        for entry in page["conversations"]:
            id = entry["conversationId"]
            if entry.get("removed"):
                self.events.pop(id, None)
                continue
            if id not in self.events:
                self.order.append(id)
                self.events[id] = {}
                self.first = entry["fromSeq"]
            else:
                assert entry["fromSeq"] <= max(self.events[id], default=entry["fromSeq"] - 1) + 1, "a hole"
            self.events[id].update({e["seq"]: e for e in entry["events"]})
        self.token, self.more = page["token"], page["more"]

    async def finish(self, device, limit=1000):
        for _ in range(300):
            if not self.more:
                return
            self.take(await device.sync(since=self.token, limit=limit))
        assert False, "it never ends"


async def test_the_most_recently_active_comes_first(chat):
    bob = await chat.connect("bob")
    talks = await talks_with(chat, bob.user, ["dave", "alice", "carol"])
    copy = Copy()
    copy.take(await bob.sync({}, limit=4))
    assert copy.more and copy.order[0] == talks["carol"]
    await copy.finish(bob, limit=4)
    assert copy.order == [talks["carol"], talks["alice"], talks["dave"]]
    assert all(sorted(events) == [1, 2, 3] for events in copy.events.values())


async def test_the_newest_of_each_as_many_as_are_asked_for(chat):
    bob = await chat.connect("bob")
    talks = await talks_with(chat, bob.user, ["alice", "carol"], messages=9)
    page = by_id(await bob.sync({}, newest=2))
    assert {c: seqs(entry["events"]) for c, entry in page.items()} == {c: [8, 9] for c in talks.values()}
    named = by_id(await bob.sync({talks["alice"]: 5}, newest=1))
    assert seqs(named[talks["alice"]]["events"]) == [6, 7, 8, 9], "not of those that are named"
    assert seqs(named[talks["carol"]]["events"]) == [9]
    for wrong in (0, 201, -1, "2"):
        await bob.refused("bad_request", "sync", watermarks={}, newest=wrong)


@pytest.mark.parametrize("limit", [1, 2, 5])
async def test_every_page_can_be_continued_on_another_connection(chat, limit):
    bob = await chat.connect("bob")
    talks = await talks_with(chat, bob.user, ["alice", "carol", "dave", "erin"])
    copy = Copy()
    copy.take(await bob.sync({}, limit=limit, newest=2))
    while copy.more:
        await bob.close()
        bob = await chat.connect("bob")
        copy.take(await bob.sync(since=copy.token, limit=limit))
    assert copy.order == [talks[name] for name in ("erin", "dave", "carol", "alice")]
    assert all(sorted(events) == [2, 3] for events in copy.events.values())
    assert (await bob.sync(since=copy.token))["conversations"] == []


@pytest.mark.parametrize("anew", [False, True], ids=["same connection", "another connection"])
async def test_what_moves_to_the_front_meanwhile_is_not_missed(chat, anew):
    bob = await chat.connect("bob")
    names = ["alice", "carol", "dave", "erin"]
    talks = await talks_with(chat, bob.user, names)
    copy = Copy()
    copy.take(await bob.sync({}, limit=3, newest=50))
    assert copy.order == [talks["erin"]]
    for name in ("alice", "erin"):  # one that was not told yet, and one that was
        sender = await chat.connect(name, "tablet")
        await sender.say("late", to=bob.user)
    made = await talks_with(chat, bob.user, ["frank"])
    if anew:
        await bob.close()
        bob = await chat.connect("bob")
    await copy.finish(bob, limit=3)
    copy.take(await bob.sync(since=copy.token))
    assert not copy.more
    expected = {talks["alice"]: [1, 2, 3, 4], talks["erin"]: [1, 2, 3, 4], made["frank"]: [1, 2, 3],
                talks["carol"]: [1, 2, 3], talks["dave"]: [1, 2, 3]}
    assert {c: sorted(events) for c, events in copy.events.items()} == expected
    assert (await bob.sync(since=copy.token))["conversations"] == []


async def test_what_was_told_and_moves_to_the_front_is_told_however_many_connections_the_rest_takes(chat):
    bob = await chat.connect("bob")
    talks = await talks_with(chat, bob.user, ["alice", "carol", "dave", "erin"])
    copy = Copy()
    copy.take(await bob.sync({}, limit=3))
    assert copy.order == [talks["erin"]]
    await bob.say("late", conversation=talks["erin"])
    for _ in range(20):
        if not copy.more:
            break
        await bob.close()
        bob = await chat.connect("bob")
        copy.take(await bob.sync(since=copy.token, limit=3))
    copy.take(await bob.sync(since=copy.token))
    assert sorted(copy.events[talks["erin"]]) == [1, 2, 3, 4] and len(copy.events) == 4


async def test_where_watermarks_are_named_a_page_is_continued_on_its_connection_only(chat):
    bob = await chat.connect("bob")
    talks = await talks_with(chat, bob.user, ["alice", "carol"])
    page = await bob.sync({talks["alice"]: 1}, limit=2)
    assert page["more"]
    other = await chat.connect("bob", "tablet")
    await other.ask("sync", "sync.reset", since=page["token"])
    assert (await bob.sync(since=page["token"], limit=100))["more"] is False


async def test_what_is_newest_in_a_group_begins_with_the_join(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    g = chat.name("g")
    await alice.create_group(g, [])
    await alice.say_many(range(5), conversation=g)
    await alice.add(g, bob.user)
    await alice.say("hi", conversation=g)
    entry = by_id(await bob.sync({}))[g]
    assert entry["fromSeq"] == 7 and seqs(entry["events"]) == [7, 8]


async def test_more_than_the_newest_of_what_was_told_and_goes_on_has_no_hole(chat):
    bob = await chat.connect("bob")
    talks = await talks_with(chat, bob.user, ["alice", "carol", "dave"])
    copy = Copy()
    copy.take(await bob.sync({}, limit=2, newest=2))
    assert copy.order == [talks["dave"]] and copy.more
    await bob.say_many(range(6), conversation=talks["dave"])
    await bob.close()
    bob = await chat.connect("bob")
    await copy.finish(bob, limit=2)
    copy.take(await bob.sync(since=copy.token))
    assert sorted(copy.events[talks["dave"]]) == list(range(2, 10))


async def test_a_page_may_be_fetched_again(chat):
    bob = await chat.connect("bob")
    await talks_with(chat, bob.user, ["alice", "carol"])
    first = await bob.sync({}, limit=2)
    rest = [await bob.sync(since=first["token"], limit=2) for _ in range(2)]
    assert rest[0]["conversations"] == rest[1]["conversations"] and rest[0]["conversations"]


async def test_groups_that_were_left_and_large_ones_meanwhile(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    gone, large = chat.name("gone"), chat.name("large")
    await alice.create_group(large, [bob.user] + [chat.name(f"m{i}") for i in range(300)])
    await alice.say_many(range(3), conversation=large)
    await alice.create_group(gone, [bob.user])
    talks = await talks_with(chat, bob.user, ["carol", "dave"])
    copy = Copy()
    copy.take(await bob.sync({}, limit=2))
    await alice.remove(gone, bob.user)
    await alice.say("late", conversation=large)
    await bob.close()
    bob = await chat.connect("bob")
    await copy.finish(bob, limit=2)
    copy.take(await bob.sync(since=copy.token))
    assert set(copy.events) == {large, *talks.values()}
    assert sorted(copy.events[large])[-1] == 5
    await alice.say("later", conversation=large)
    copy.take(await bob.sync(since=copy.token))
    assert sorted(copy.events[large])[-1] == 6


async def test_it_outlives_the_server(start_server):
    server = start_server()
    chat = Chat(server, "r")
    bob = await chat.connect("bob")
    talks = await talks_with(chat, bob.user, ["alice", "carol", "dave"])
    copy = Copy()
    copy.take(await bob.sync({}, limit=3))
    server.stop()
    server = start_server(data=server.data)
    chat = Chat(server, "r")
    bob = await chat.connect("bob")
    await copy.finish(bob, limit=3)
    assert set(copy.events) == set(talks.values())
    assert all(sorted(events) == [1, 2, 3] for events in copy.events.values())


async def test_a_device_that_lost_its_token_goes_on_from_the_one_that_was_kept(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    dm = (await alice.say("1", to=bob.user))["conversationId"]
    await bob.ask("sync", "sync.reset", resume=True)
    # The server knows for sure that the device has what its token stands for once it continues from it.
    token = await token_of(bob)
    token = (await bob.sync(since=token))["token"]
    await alice.say("2", to=bob.user)
    token = (await bob.sync(since=token))["token"]
    await alice.say("3", to=bob.user)
    await bob.close()
    bob = await chat.connect("bob")
    entry = by_id(await bob.ask("sync", "sync.page", resume=True))[dm]
    assert set(seqs(entry["events"])) >= {3} and entry["fromSeq"] <= 3 and entry["toSeq"] == 3
    tablet = await chat.connect("bob", "tablet")
    await tablet.ask("sync", "sync.reset", resume=True)


async def test_the_kept_token_outlives_the_server_and_goes_with_the_device(start_server):
    server = start_server()
    chat = Chat(server, "r")
    alice, bob = await chat.connect_all("alice", "bob")
    tablet = await chat.connect("bob", "tablet")
    dm = (await alice.say("1", to=bob.user))["conversationId"]
    for device in (bob, tablet):
        token = await token_of(device)
        await device.sync(since=(await device.sync(since=token))["token"])
    server.stop()
    server = start_server(data=server.data)
    chat = Chat(server, "r")
    alice, bob = await chat.connect_all("alice", "bob")
    await alice.say("2", to=bob.user)
    page = await bob.ask("sync", "sync.page", resume=True)
    assert 2 in seqs(by_id(page)[dm]["events"])
    await bob.ok("devices.remove", deviceId="tablet")
    tablet = await chat.connect("bob", "tablet")
    await tablet.ask("sync", "sync.reset", resume=True)


@pytest.mark.parametrize("beside", [{"since": "t.A"}, {"watermarks": {}}], ids=lambda b: next(iter(b)))
async def test_resume_stands_alone(chat, beside):
    bob = await chat.connect("bob")
    await bob.refused("bad_request", "sync", resume=True, **beside)


async def test_who_has_left_more_groups_than_are_remembered_begins_anew(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    await alice.say("hi", to=bob.user)
    token = await token_of(bob)
    for first in range(0, 2001, 100):
        groups = [chat.name(f"g{i}") for i in range(first, min(first + 100, 2001))]
        ids = [await alice.send("conversation.create", id=i, conversationId=g, clientMsgId=new_id(), members=[bob.user])
               for i, g in enumerate(groups)]
        for i in range(len(ids)):
            await alice.answer(i)
        for i, g in enumerate(groups):
            await bob.send("conversation.leave", id=i, conversationId=g, clientMsgId=new_id())
        for i in range(len(groups)):
            await bob.answer(i)
    # Whoever looks through them all finds them too many; the next one then finds them gone.
    assert (await bob.sync(since=await token_of(bob)))["conversations"] == []
    answer = await bob.ask("sync", "sync.reset", since=token)
    assert "conversationId" not in answer
    assert list(by_id(await bob.sync({}))), "what is there is told"


async def continue_anywhere(chat, device, copy, limit):
    """Every page over a connection of its own."""
    for _ in range(100):
        if not copy.more:
            return
        await device.close()
        device = await chat.connect("bob")
        copy.take(await device.sync(since=copy.token, limit=limit))
    assert False, "it never ends"


async def test_a_large_group_that_takes_pages_over_connections_of_their_own_comes_to_its_end(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    large = chat.name("large")
    await alice.create_group(large, [bob.user] + [chat.name(f"m{i}") for i in range(300)])
    await alice.say_many(range(5), conversation=large)
    copy = Copy()
    copy.take(await bob.sync({}, limit=2, newest=50))
    await continue_anywhere(chat, bob, copy, limit=2)
    assert sorted(copy.events[large]) == [1, 2, 3, 4, 5, 6]


async def test_what_was_told_in_part_and_moved_to_the_front_has_no_hole(chat):
    bob = await chat.connect("bob")
    talks = await talks_with(chat, bob.user, ["carol", "alice"], messages=6)
    copy = Copy()
    copy.take(await bob.sync({}, limit=2, newest=6))
    assert sorted(copy.events[talks["alice"]]) == [1, 2]
    alice = await chat.connect("alice", "tablet")
    await alice.say_many(range(9), to=bob.user)
    await continue_anywhere(chat, bob, copy, limit=3)
    assert sorted(copy.events[talks["alice"]]) == list(range(1, 16))
