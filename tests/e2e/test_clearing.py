"""Clearing a conversation: for one user, on all devices, and for nobody else."""

import pytest

from device import new_id, seqs
from test_message_life import edit, of, pair, react
from test_sync_tokens import by_id, token_of


async def clear(device, conversation, seq):
    await device.ok("conversation.clear", conversationId=conversation, seq=seq)


async def test_what_is_cleared_is_gone_for_one_user_on_all_devices(chat):
    laptop = await chat.connect("bob", "laptop")
    alice, bob, sent = await pair(chat, 4)
    dm = sent[0]["conversationId"]
    await clear(bob, dm, 3)
    assert await laptop.expect("sync.cleared") == {"type": "sync.cleared", "conversationId": dm, "seq": 3, "unread": 1}
    for device in (bob, laptop, await chat.connect("bob", "late")):
        assert seqs((await device.history(dm))["events"]) == [4]
        assert seqs((await device.history(dm, after=0, raw=True))["events"]) == [4]
        entry = await device.synced(dm, 0)
        assert (seqs(entry["events"]), entry["fromSeq"], entry["toSeq"], entry["floorSeq"]) == ([4], 1, 4, 4)
        assert (await device.listed(dm))["lastMessage"]["seq"] == 4
    assert seqs((await alice.history(dm))["events"]) == [4, 3, 2, 1]
    assert (await alice.synced(dm, 0))["floorSeq"] == 1
    alice.never_saw("sync.cleared")
    alice.never_saw("message.read")
    bob.never_saw("sync.cleared")


async def test_all_of_a_conversation_can_be_cleared(chat):
    alice, bob, sent = await pair(chat, 3)
    dm = sent[0]["conversationId"]
    await clear(bob, dm, 3)
    page = await bob.history(dm)
    assert (page["events"], page["more"]) == ([], False)
    entry = await bob.synced(dm, 0)
    assert (entry["events"], entry["fromSeq"], entry["toSeq"], entry["floorSeq"], entry["more"]) == ([], 1, 3, 4, False)
    listed = await bob.listed(dm)
    assert "lastMessage" not in listed and (listed["headSeq"], listed["unread"]) == (3, 0)
    await alice.say("anew", to=bob.user)
    assert (await bob.expect("message.new", seq=4))["data"]["content"] == "anew"
    listed = await bob.listed(dm)
    assert (listed["lastMessage"]["seq"], listed["unread"]) == (4, 1)
    assert seqs((await bob.synced(dm, 0))["events"]) == [4]


async def test_what_is_cleared_is_not_unread(chat):
    laptop = await chat.connect("bob", "laptop")
    alice, bob, sent = await pair(chat, 5)
    dm = sent[0]["conversationId"]
    await bob.ok("message.delete", **of(sent[1]), scope="me")
    await bob.ok("message.delete", **of(sent[4]), scope="me")
    await clear(bob, dm, 3)
    assert (await laptop.expect("sync.cleared"))["unread"] == 1
    assert (await bob.listed(dm))["unread"] == 1
    await bob.ok("message.read", conversationId=dm, seq=2)
    assert (await laptop.expect("sync.read"))["unread"] == 1


async def test_far_behind_the_head_counts_as_well(chat):
    alice, bob, sent = await pair(chat, 150)
    dm = sent[0]["conversationId"]
    laptop = await chat.connect("bob", "laptop")
    await clear(bob, dm, 20)
    assert (await laptop.expect("sync.cleared"))["unread"] == 130
    assert (await bob.listed(dm))["unread"] == 130
    page = await bob.history(dm, limit=500)
    assert (page["fromSeq"], page["toSeq"], page["more"]) == (21, 150, False)


async def test_what_changes_a_cleared_message_is_gone_with_it(chat):
    alice, bob, sent = await pair(chat, 2)
    dm = sent[0]["conversationId"]
    await clear(bob, dm, 1)
    await edit(alice, sent[0], "second thought")
    await edit(alice, sent[1], "still there")
    for page in (await bob.history(dm, raw=True), await bob.history(dm, after=2, raw=True), await bob.sync({dm: 0})):
        assert "second thought" not in page.raw and "still there" in page.raw
    assert seqs((await alice.synced(dm, 0))["events"]) == [1, 2, 3, 4]


async def test_a_cleared_message_is_not_there_to_be_changed(chat):
    alice, bob, sent = await pair(chat, 2)
    await clear(bob, sent[0]["conversationId"], 1)
    for type, fields in [("message.react", {"emoji": "+", "op": "add"}), ("message.delete", {"scope": "me"}),
                         ("message.pin", {"op": "add"})]:
        await bob.refused("not_found", type, **of(sent[0]), clientMsgId=new_id(), **fields)
    await react(bob, sent[1], "+")
    await react(alice, sent[0], "+")


async def test_a_cleared_message_is_not_pinned_for_who_cleared_it(chat):
    alice, bob, sent = await pair(chat, 2)
    dm = sent[0]["conversationId"]
    for one in sent:
        await alice.ask("message.pin", "conversation.updated", **of(one), op="add", clientMsgId=new_id())
    await clear(bob, dm, 1)
    for device, pinned in ((alice, [1, 2]), (bob, [2])):
        assert seqs((await device.listed(dm))["pinnedMessages"]) == pinned
        assert seqs((await device.synced(dm, 4))["pinnedMessages"]) == pinned


async def test_clearing_never_goes_back(chat):
    laptop = await chat.connect("bob", "laptop")
    alice, bob, sent = await pair(chat, 3)
    dm = sent[0]["conversationId"]
    await clear(bob, dm, 2)
    for seq in (0, 1, 2):
        await clear(bob, dm, seq)
    assert seqs((await bob.history(dm))["events"]) == [3]
    await laptop.expect("sync.cleared", seq=2)
    await laptop.still_works()
    assert len([frame for frame in laptop.frames if frame["type"] == "sync.cleared"]) == 1


@pytest.mark.parametrize("fields, code", [({"seq": 4}, "bad_request"), ({"seq": 3, "epoch": 2}, "bad_request")])
async def test_what_is_no_number_of_the_conversation_clears_nothing(chat, fields, code):
    alice, bob, sent = await pair(chat, 3)
    dm = sent[0]["conversationId"]
    await bob.refused(code, "conversation.clear", conversationId=dm, **fields)
    assert seqs((await bob.history(dm))["events"]) == [3, 2, 1]


async def test_only_members_clear(chat):
    alice, bob, sent = await pair(chat)
    carol = await chat.connect("carol")
    await carol.refused("not_a_member", "conversation.clear", conversationId=sent[0]["conversationId"], seq=1)
    await carol.refused("not_a_member", "conversation.clear", conversationId=chat.name("nowhere"), seq=1)


@pytest.mark.parametrize("members", [2, 300], ids=["small", "large"])
async def test_a_device_that_was_away_is_told(chat, members):
    alice, bob, tablet = await chat.connect("alice"), await chat.connect("bob"), await chat.connect("bob", "tablet")
    g = chat.name("g")
    await alice.create_group(g, [bob.user] + [chat.name(f"m{i}") for i in range(members - 2)])
    await alice.say_many(["a", "b", "c"], conversation=g)
    token = await token_of(tablet)
    assert by_id(await tablet.sync(since=token)).get(g) is None
    await clear(bob, g, 3)
    entry = by_id(await tablet.sync(since=token))[g]
    assert (entry["events"], entry["floorSeq"]) == ([], 4)
    assert (await tablet.synced(g, 4))["floorSeq"] == 4, "by watermarks as well"


async def test_who_comes_back_does_not_see_what_was_cleared_before(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    g = chat.name("g")
    await alice.create_group(g, [bob.user], history="all")
    await alice.say_many(["a", "b"], conversation=g)
    await clear(bob, g, 2)
    await bob.ask("conversation.leave", "conversation.member", conversationId=g, clientMsgId=new_id())
    await alice.add(g, bob.user)
    assert min(seqs((await bob.history(g, limit=50))["events"])) == 3
