"""sync by watermarks, its pages and resets; history."""

import asyncio

import pytest

from device import seqs


async def talk(chat, messages):
    alice, bob = await chat.connect_all("alice", "bob")
    sent = await alice.say_many([f"m{i}" for i in range(1, messages + 1)], to=bob.user)
    await bob.expect("message.new", seq=messages, timeout=10)
    return alice, bob, sent[0]["conversationId"]


def entry_of(page, conversation):
    return next((c for c in page["conversations"] if c["conversationId"] == conversation), None)


async def test_a_new_user_has_nothing_to_catch_up_to(chat):
    alice = await chat.connect("alice")
    page = await alice.sync({}, limit=200)
    assert page["conversations"] == [] and page["more"] is False
    assert isinstance(page["token"], str)


async def test_a_watermark_gets_what_is_newer_oldest_first(chat):
    alice, bob, dm = await talk(chat, 10)
    entry = entry_of(await bob.sync({dm: 6}, limit=200), dm)
    assert seqs(entry["events"]) == [7, 8, 9, 10]
    assert (entry["fromSeq"], entry["toSeq"], entry["headSeq"], entry["floorSeq"]) == (7, 10, 10, 1)
    assert entry["more"] is False
    assert (entry["readSeq"], entry["unread"]) == (0, 10)
    assert isinstance(entry["cursors"], dict)


async def test_a_page_event_is_the_live_data_and_the_kind_of_event(chat):
    alice, bob, dm = await talk(chat, 1)
    live = next(f for f in bob.frames if f["type"] == "message.new")["data"]
    assert entry_of(await bob.sync({dm: 0}), dm)["events"] == [{**live, "event": "message"}]
    assert (await bob.history(dm))["events"] == [{**live, "event": "message"}]


async def test_events_of_a_group_in_pages_are_those_told_live(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    g = chat.name("g")
    await alice.create_group(g, [bob.user])
    await alice.add(g, chat.name("carol"))
    await alice.change("conversation.update", "conversation.updated", conversationId=g, name="B")
    await alice.say("hi", conversation=g)
    await bob.expect("message.new")
    live = [f["data"] for f in bob.frames if f["type"].startswith("conversation.") or f["type"] == "message.new"]
    kinds = ["conversation", "member", "conversation", "message"]
    assert await bob.whole_history(g) == [{**data, "event": kind} for data, kind in zip(live, kinds)]


async def test_the_head_as_watermark_gets_no_events(chat):
    alice, bob, dm = await talk(chat, 3)
    entry = entry_of(await bob.sync({dm: 3}), dm)
    assert entry["events"] == [] and entry["headSeq"] == 3 and entry["more"] is False


async def test_conversations_not_named_come_with_their_newest_page(chat):
    alice, bob, dm = await talk(chat, 5)
    carol = await chat.connect("carol")
    other = (await carol.say("hey", to=bob.user))["conversationId"]
    page = await bob.sync({dm: 5})
    entry = entry_of(page, other)
    assert seqs(entry["events"]) == [1] and entry["toSeq"] == entry["headSeq"] == 1
    page = await bob.sync({})
    assert seqs(entry_of(page, dm)["events"]) == [1, 2, 3, 4, 5]
    assert {c["conversationId"] for c in page["conversations"]} == {dm, other}


async def test_the_newest_page_ends_at_the_head(chat):
    alice, bob, dm = await talk(chat, 60)
    entry = entry_of(await bob.sync({}, limit=20), dm)
    assert 0 < len(entry["events"]) <= 20
    assert seqs(entry["events"]) == list(range(entry["fromSeq"], 61))
    assert entry["toSeq"] == entry["headSeq"] == 60


async def test_a_conversation_one_does_not_have_is_removed(chat):
    alice, bob, dm = await talk(chat, 1)
    eve = await chat.connect("eve")
    page = await eve.sync({dm: 1, "gone": 7, "gone2": {"seq": 7, "epoch": 2}})
    assert {c["conversationId"]: c["removed"] for c in page["conversations"]} == {
        dm: True, "gone": True, "gone2": True}


async def test_limit_counts_events_and_since_goes_on(chat):
    alice, bob, dm = await talk(chat, 25)
    page = await bob.sync({dm: 0}, limit=10)
    got = []
    for _ in range(10):
        entries = page["conversations"]
        assert sum(len(c.get("events", [])) for c in entries) <= 10
        for entry in entries:
            assert entry["conversationId"] == dm and entry["headSeq"] == 25
            got += seqs(entry["events"])
            assert entry["more"] is (entry["toSeq"] < 25)
        if not page["more"]:
            break
        page = await bob.sync(since=page["token"], limit=10)
    assert got == list(range(1, 26))


async def test_limit_holds_over_all_conversations_of_a_page(chat):
    bob = await chat.connect("bob")
    expected = {}
    for name in ("a", "b", "c", "d", "e"):
        sender = await chat.connect(name)
        sent = await sender.say_many(range(7), to=bob.user)
        expected[sent[0]["conversationId"]] = list(range(1, 8))
    got = {c: [] for c in expected}
    page = await bob.sync({c: 0 for c in expected}, limit=10)
    for _ in range(20):
        assert sum(len(c.get("events", [])) for c in page["conversations"]) <= 10
        for entry in page["conversations"]:
            got[entry["conversationId"]] += seqs(entry["events"])
        if not page["more"]:
            break
        page = await bob.sync(since=page["token"], limit=10)
    assert got == expected


async def test_a_page_is_cut_at_256_kib_and_goes_on(chat):
    alice, bob, dm = await talk(chat, 1)
    await alice.say_many(["x" * 16000] * 40, to=bob.user)
    got = []
    page = await bob.sync({dm: 0}, limit=200)
    for _ in range(20):
        assert len(page.raw) <= 256 * 1024 + 20_000
        for entry in page["conversations"]:
            got += seqs(entry["events"])
        if not page["more"]:
            break
        page = await bob.sync(since=page["token"], limit=200)
    assert got == list(range(1, 42))


async def test_another_epoch_is_a_reset(chat):
    alice, bob, dm = await talk(chat, 5)
    await bob.send("sync", id="s", watermarks={dm: {"seq": 3, "epoch": 2}})
    reset = await bob.expect("sync.reset")
    assert (reset["conversationId"], reset["headSeq"], reset.get("epoch", 1)) == (dm, 5, 1)
    assert (await bob.answer("s"))["type"] == "sync.page"
    assert seqs(entry_of(await bob.sync({dm: {"seq": 3, "epoch": 1}}), dm)["events"]) == [4, 5]


async def test_a_watermark_above_the_head_is_a_reset(chat):
    alice, bob, dm = await talk(chat, 5)
    await bob.send("sync", id="s", watermarks={dm: 99})
    reset = await bob.expect("sync.reset")
    assert (reset["conversationId"], reset["headSeq"]) == (dm, 5)
    assert (await bob.answer("s"))["type"] == "sync.page"


@pytest.mark.parametrize("token", ["", "nonsense", "AAAA", "x" * 3000])
async def test_an_unknown_token_says_to_start_over(chat, token):
    alice = await chat.connect("alice")
    answer = await alice.request("sync", since=token, limit=10)
    if answer["type"] == "error":
        assert answer["code"] in ("bad_request", "unsupported"), answer.raw
    else:
        assert answer["type"] == "sync.reset" and "conversationId" not in answer
    await alice.still_works()


async def test_anothers_token_shows_nothing_of_theirs(chat):
    alice, bob, dm = await talk(chat, 30)
    page = await bob.sync({dm: 0}, limit=10)
    eve = await chat.connect("eve")
    answer = await eve.request("sync", since=page["token"], limit=10)
    assert '"m1' not in answer.raw and '"m2' not in answer.raw


async def test_history_comes_newest_first_from_the_head(chat):
    alice, bob, dm = await talk(chat, 12)
    page = await bob.history(dm, limit=5)
    assert seqs(page["events"]) == [12, 11, 10, 9, 8]
    assert (page["conversationId"], page["fromSeq"], page["toSeq"], page["more"]) == (dm, 8, 12, True)


async def test_history_before_is_exclusive_and_ends_at_the_first_event(chat):
    alice, bob, dm = await talk(chat, 12)
    page = await bob.history(dm, before=5, limit=3)
    assert seqs(page["events"]) == [4, 3, 2] and page["more"] is True
    page = await bob.history(dm, before=2, limit=3)
    assert seqs(page["events"]) == [1] and page["more"] is False
    page = await bob.history(dm, before=1, limit=3)
    assert page["events"] == [] and page["more"] is False


async def test_history_after_is_exclusive_and_oldest_first(chat):
    alice, bob, dm = await talk(chat, 12)
    page = await bob.history(dm, after=3, limit=4)
    assert seqs(page["events"]) == [4, 5, 6, 7]
    assert (page["fromSeq"], page["toSeq"], page["more"]) == (4, 7, True)
    page = await bob.history(dm, after=10, limit=4)
    assert seqs(page["events"]) == [11, 12] and page["more"] is False
    page = await bob.history(dm, after=12, limit=4)
    assert page["events"] == [] and page["more"] is False


async def test_paging_back_reaches_everything_once(chat):
    alice, bob, dm = await talk(chat, 33)
    got, before = [], None
    for _ in range(20):
        page = await bob.history(dm, limit=10, **({} if before is None else {"before": before}))
        got += seqs(page["events"])
        if not page["more"]:
            break
        before = page["fromSeq"]
    assert got == list(range(33, 0, -1))


async def test_history_has_a_default_limit(chat):
    alice, bob, dm = await talk(chat, 60)
    page = await bob.history(dm)
    assert len(page["events"]) == 50 and page["more"] is True


async def test_one_who_was_away_catches_up_without_a_gap(chat):
    alice, bob, dm = await talk(chat, 3)
    await bob.ok("message.received", conversationId=dm, seq=3)
    await bob.close()
    await alice.say_many([f"away{i}" for i in range(20)], to=bob.user)
    sender = asyncio.ensure_future(alice.say_many([f"late{i}" for i in range(30)], to=bob.user))
    bob = await chat.connect("bob")
    entry = entry_of(await bob.sync({dm: 3}, limit=200), dm)
    caught = set(seqs(entry["events"]))
    await sender
    await alice.say("last", to=bob.user)
    await bob.expect("message.new", content="last")
    live = {f["data"]["seq"] for f in bob.frames if f["type"] == "message.new"}
    assert caught | live == set(range(4, 55))
    assert seqs(entry["events"]) == list(range(4, entry["toSeq"] + 1))


async def test_a_page_that_was_written_counts_as_delivered_only_when_acknowledged(chat):
    alice, bob, dm = await talk(chat, 3)
    await bob.sync({dm: 0})
    await alice.expect_nothing("message.delivered", within=0.2)
    await bob.ok("message.received", conversationId=dm, seq=3)
    await alice.expect("message.delivered", seq=3)
