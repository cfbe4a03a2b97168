"""sync by token: what has changed since the token was given, whatever has happened in between."""

import asyncio
import shutil

import pytest

from device import Chat, new_id, seqs
from test_message_life import delete, edit, react


def by_id(page):
    return {c["conversationId"]: c for c in page["conversations"]}


async def token_of(device):
    """A token that covers everything as of now."""
    page = await device.sync({}, limit=1000)
    while page["more"]:
        page = await device.sync(since=page["token"], limit=1000)
    return page["token"]


async def test_nothing_has_changed_since_the_token_that_was_just_given(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    await alice.say(to=bob.user)
    page = await bob.sync(since=await token_of(bob))
    assert page["conversations"] == [] and page["more"] is False
    again = await bob.sync(since=page["token"])
    assert again["conversations"] == []


async def test_only_what_changed_comes_and_only_what_is_new_of_it(chat):
    alice, bob, carol = await chat.connect_all("alice", "bob", "carol")
    dm = (await alice.say("one", to=bob.user))["conversationId"]
    await carol.say("old", to=bob.user)
    token = await token_of(bob)
    await alice.say_many(["two", "three"], to=bob.user)
    page = await bob.sync(since=token)
    assert list(by_id(page)) == [dm]
    entry = by_id(page)[dm]
    assert [e["content"] for e in entry["events"]] == ["two", "three"]
    assert (entry["fromSeq"], entry["toSeq"], entry["headSeq"], entry["more"]) == (2, 3, 3, False)
    assert entry["unread"] == 3
    assert (await bob.sync(since=page["token"]))["conversations"] == []
    assert list(by_id(await bob.sync(since=token))) == [dm], "a token is not used up"


async def test_every_device_continues_from_its_own_token(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    dm = (await alice.say(to=bob.user))["conversationId"]
    tokens = []
    for i in range(12):
        tokens.append(await token_of(bob))
        await alice.say(f"{i}", to=bob.user)
    for i, token in enumerate(tokens):
        entry = by_id(await bob.sync(since=token, limit=100))[dm]
        assert entry["fromSeq"] <= i + 2 and entry["toSeq"] == 13
    entry = by_id(await bob.sync(since=tokens[-1]))[dm]
    assert seqs(entry["events"]) == [13]


async def test_a_page_that_was_not_the_last_is_continued_on_another_connection(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    token = await token_of(bob)
    names = ["carol", "dave", "erin", "frank"]
    expected = {}
    for name in names:
        sender = await chat.connect(name)
        sent = await sender.say_many(range(7), to=bob.user)
        expected[sent[0]["conversationId"]] = list(range(1, 8))
    got = {}
    for _ in range(40):
        page = await bob.sync(since=token, limit=3)
        assert sum(len(c["events"]) for c in page["conversations"]) <= 3
        for c, entry in by_id(page).items():
            assert entry["fromSeq"] == len(got.setdefault(c, [])) + 1
            got[c] += seqs(entry["events"])
        token = page["token"]
        if not page["more"]:
            break
        await bob.close()
        bob = await chat.connect("bob")
    assert got == expected
    assert (await bob.sync(since=token))["conversations"] == []


async def test_what_came_while_the_pages_were_fetched_comes_with_the_next_sync(chat):
    alice, bob, carol = await chat.connect_all("alice", "bob", "carol")
    token = await token_of(bob)
    await alice.say_many(range(5), to=bob.user)
    await carol.say_many(range(5), to=bob.user)
    page = await bob.sync(since=token, limit=3)
    await alice.say("late", to=bob.user)
    await carol.say("late", to=bob.user)
    seen = {}
    def take(page):
        for c, entry in by_id(page).items():
            seen.setdefault(c, set()).update(seqs(entry["events"]))
    take(page)
    while page["more"]:
        page = await bob.sync(since=page["token"], limit=3)
        take(page)
    take(await bob.sync(since=page["token"]))
    assert all(numbers == set(range(1, 7)) for numbers in seen.values()) and len(seen) == 2


async def test_what_was_told_on_one_page_and_changes_before_the_next_comes_with_the_next_sync(chat):
    bob = await chat.connect("bob")
    token = await token_of(bob)
    for name in ("alice", "carol", "dave"):
        await (await chat.connect(name)).say_many(range(4), to=bob.user)
    page = await bob.sync(since=token, limit=4)
    assert page["more"]
    (first, entry), = by_id(page).items()
    assert entry["more"] is False
    await bob.say("late", conversation=first)
    told = set()
    while page["more"]:
        page = await bob.sync(since=page["token"], limit=4)
        told |= {s for c, entry in by_id(page).items() if c == first for s in seqs(entry["events"])}
    again = by_id(await bob.sync(since=page["token"]))
    assert 5 in told | set(seqs(again.get(first, {"events": []})["events"]))


async def test_membership_is_told(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    g, h = chat.name("g"), chat.name("h")
    await alice.create_group(g, [bob.user])
    token = await token_of(bob)
    await alice.remove(g, bob.user)
    await alice.say("not for bob", conversation=g)
    await alice.create_group(h, [bob.user])
    page = by_id(await bob.sync(since=token))
    assert page[g] == {"conversationId": g, "removed": True}
    assert seqs(page[h]["events"]) == [1]
    token = await token_of(bob)
    await alice.add(g, bob.user)
    entry = by_id(await bob.sync(since=token))[g]
    assert seqs(entry["events"]) == [entry["floorSeq"]] == [4]


async def test_ones_own_cursor_and_the_others_are_told(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    tablet = await chat.connect("bob", "tablet")
    dm = (await alice.say_many(range(3), to=bob.user))[0]["conversationId"]
    ours, theirs = await token_of(tablet), await token_of(alice)
    await bob.ok("message.read", conversationId=dm, seq=2)
    entry = by_id(await tablet.sync(since=ours))[dm]
    assert (entry["events"], entry["readSeq"], entry["unread"]) == ([], 2, 1)
    entry = by_id(await alice.sync(since=theirs))[dm]
    assert entry["cursors"][bob.user] == {"deliveredSeq": 2, "readSeq": 2}


async def test_what_a_user_who_hides_it_has_read_is_not_told_by_saying_nothing(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    tablet = await chat.connect("bob", "tablet")
    dm = (await alice.say_many(range(3), to=bob.user))[0]["conversationId"]
    await bob.ok("settings.update", readReceipts=False)
    await bob.ok("message.received", conversationId=dm, seq=3)
    ours, theirs = await token_of(tablet), await token_of(alice)
    await bob.ok("message.read", conversationId=dm, seq=2)
    assert by_id(await tablet.sync(since=ours))[dm]["readSeq"] == 2
    assert (await alice.sync(since=theirs))["conversations"] == []
    await bob.ok("settings.update", readReceipts=True)
    await bob.ok("message.read", conversationId=dm, seq=3)
    assert by_id(await alice.sync(since=theirs))[dm]["cursors"][bob.user]["readSeq"] == 3


async def test_changes_of_messages_are_events_like_any_other(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    sent = await alice.say_many(["a", "b"], to=bob.user)
    token = await token_of(bob)
    await edit(alice, sent[0], "anew")
    await react(bob, sent[1], "+")
    await delete(alice, sent[1])
    entry = by_id(await bob.sync(since=token))[sent[0]["conversationId"]]
    assert [e["event"] for e in entry["events"]] == ["edit", "reaction", "delete"]


async def test_what_was_deleted_for_oneself_is_told_to_a_device_that_was_away(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    sent = await alice.say_many(["a", "b", "c"], to=bob.user)
    dm = sent[0]["conversationId"]
    tablet = await chat.connect("bob", "tablet")
    token = await token_of(tablet)
    await tablet.close()
    await bob.ok("message.delete", conversationId=dm, messageId=sent[1]["messageId"], scope="me",
                 clientMsgId=new_id())
    await alice.say("d", to=bob.user)
    tablet = await chat.connect("bob", "tablet")
    page = await tablet.sync(since=token)
    entry = by_id(page)[dm]
    assert entry["deletedForMe"] == [2] and seqs(entry["events"]) == [4]
    assert (await tablet.synced(dm, 3))["deletedForMe"] == [2], "by watermarks as well"
    await alice.say("e", to=bob.user)
    entry = by_id(await tablet.sync(since=page["token"]))[dm]
    assert "deletedForMe" not in entry, "once"


async def test_what_was_deleted_for_oneself_is_told_with_the_page_that_comes_to_it(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    sent = await alice.say_many(range(5), to=bob.user)
    dm = sent[0]["conversationId"]
    for place in (0, 3):
        await bob.ok("message.delete", conversationId=dm, messageId=sent[place]["messageId"], scope="me")
    page = await bob.sync({dm: 0}, limit=2)
    entry = by_id(page)[dm]
    assert entry["deletedForMe"] == [1] and entry["toSeq"] == 2
    entry = by_id(await bob.sync(since=page["token"], limit=10))[dm]
    assert 4 in entry["deletedForMe"] and entry["toSeq"] == 5


async def test_what_came_live_since_the_token_need_not_come_again(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    dm = (await alice.say("1", to=bob.user))["conversationId"]
    token = await token_of(bob)
    await alice.say_many(["2", "3", "4"], to=bob.user)
    page = await bob.sync({dm: 3}, since=token)
    assert seqs(by_id(page)[dm]["events"]) == [4]
    assert seqs(by_id(await bob.sync({dm: 1}, since=token))[dm]["events"]) == [2, 3, 4]
    assert seqs(by_id(await bob.sync({dm: 900}, since=token))[dm]["events"]) == []


async def test_the_lists_token_continues_with_sync(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    dm = (await alice.say("1", to=bob.user))["conversationId"]
    token = (await bob.conversations())["token"]
    assert (await bob.sync(since=token))["conversations"] == []
    await alice.say("2", to=bob.user)
    assert seqs(by_id(await bob.sync(since=token))[dm]["events"]) == [2]


async def test_a_large_group_travels_in_the_token(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    g = chat.name("g")
    await alice.create_group(g, [bob.user] + [chat.name(f"m{i}") for i in range(300)])
    await alice.say("1", conversation=g)
    token = await token_of(bob)
    assert (await bob.sync(since=token))["conversations"] == []
    await alice.say_many(["2", "3"], conversation=g)
    page = await bob.sync(since=token)
    assert [e["content"] for e in by_id(page)[g]["events"]] == ["2", "3"]
    assert (await bob.sync(since=page["token"]))["conversations"] == []
    listed = (await bob.conversations())["token"]
    await alice.say("4", conversation=g)
    assert [e["content"] for e in by_id(await bob.sync(since=listed))[g]["events"]] == ["4"]
    await alice.remove(g, bob.user)
    assert by_id(await bob.sync(since=page["token"]))[g]["removed"] is True


async def test_a_group_that_grows_large_and_shrinks_loses_nothing(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    g = chat.name("g")
    others = [chat.name(f"m{i}") for i in range(260)]
    await alice.create_group(g, [bob.user])
    tokens = []
    async def step(text):
        tokens.append((await token_of(bob), (await alice.say(text, conversation=g))["seq"]))
    await step("small")
    await alice.add(g, *others)
    await step("large")
    await step("larger")
    await alice.remove(g, *others)
    await step("small again")
    await step("and on")
    for token, first in tokens:
        numbers = seqs(by_id(await bob.sync(since=token, limit=1000))[g]["events"])
        head = numbers[-1]
        assert set(range(first, head + 1)) <= set(numbers)


async def test_tokens_outlive_the_server(start_server, tmp_path):
    server = start_server()
    chat = Chat(server, "r")
    alice, bob = await chat.connect_all("alice", "bob")
    dm = (await alice.say("1", to=bob.user))["conversationId"]
    token = await token_of(bob)
    await alice.say("2", to=bob.user)
    server.stop()
    server = start_server(data=server.data)
    chat = Chat(server, "r")
    alice, bob = await chat.connect_all("alice", "bob")
    await alice.say("3", to=bob.user)
    page = await bob.sync(since=token)
    assert seqs(by_id(page)[dm]["events"]) == [2, 3]
    await alice.say("4", to=bob.user)
    assert seqs(by_id(await bob.sync(since=page["token"]))[dm]["events"]) == [4]


async def test_a_store_put_back_to_an_older_copy_does_not_take_what_it_never_gave(start_server, tmp_path):
    server = start_server()
    chat = Chat(server, "r")
    alice, bob = await chat.connect_all("alice", "bob")
    dm = (await alice.say("1", to=bob.user))["conversationId"]
    token = await token_of(bob)
    server.stop()
    shutil.copytree(server.data, tmp_path / "copy")
    server = start_server(data=server.data)
    chat = Chat(server, "r")
    alice, bob, carol = await chat.connect_all("alice", "bob", "carol")
    await alice.say("2", to=bob.user)
    await carol.say_many(range(5), to=bob.user)
    part = await bob.sync(since=token, limit=2)
    assert part["more"]
    newest = await token_of(bob)
    await bob.sync(since=newest)
    server.stop()
    server = start_server(data=tmp_path / "copy")
    chat = Chat(server, "r")
    alice, bob = await chat.connect_all("alice", "bob")
    for lost in (newest, part["token"]):
        answer = await bob.ask("sync", "sync.reset", since=lost)
        assert "conversationId" not in answer
    await alice.say("another 2", to=bob.user)
    assert seqs((await bob.synced(dm, 0))["events"]) == [1, 2]


async def test_a_token_of_another_store_says_to_start_over(start_server, tmp_path):
    first, second = Chat(start_server(), "x"), Chat(start_server(data=tmp_path / "other"), "x")
    token = await token_of(await first.connect("alice"))
    bob = await second.connect("alice")
    await bob.ask("sync", "sync.reset", since=token)


@pytest.mark.parametrize("change", [lambda t: t[:-1], lambda t: t + "A", lambda t: "t." + "A" * 60, lambda t: "t."])
async def test_a_broken_token_says_to_start_over(chat, change):
    bob = await chat.connect("bob")
    answer = await bob.ask("sync", "sync.reset", since=change(await token_of(bob)))
    assert "conversationId" not in answer
    await bob.still_works()


async def test_nothing_is_missed_however_token_and_messages_race(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    dm = (await alice.say("first", to=bob.user))["conversationId"]
    token, last = await token_of(bob), 1
    for _ in range(30):
        sending = [asyncio.ensure_future(alice.say("x", to=bob.user)) for _ in range(5)]
        for _ in range(3):
            page = await bob.sync(since=token)
            entry = by_id(page).get(dm)
            if entry is not None:
                assert entry["fromSeq"] <= last + 1, "a hole"
                last = max(last, entry["toSeq"])
            token = page["token"]
        await asyncio.gather(*sending)
    entry = by_id(await bob.sync(since=token)).get(dm)
    assert last == 151 or (entry["fromSeq"] <= last + 1 and entry["toSeq"] == 151)


async def test_a_group_that_grew_large_and_is_told_on_several_pages_is_known_afterwards(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    group = chat.name("grown")
    await alice.create_group(group, [bob.user])
    token = await token_of(bob)
    await alice.add(group, *[chat.name(f"m{i}") for i in range(300)])
    await alice.say_many(range(5), conversation=group)
    page = await bob.sync(since=token, limit=2)
    assert page["more"]
    while page["more"]:
        page = await bob.sync(since=page["token"], limit=2)
    await alice.say("new", conversation=group)
    entry = by_id(await bob.sync(since=page["token"], newest=50))[group]
    assert len(entry["events"]) == 1
