"""What a user lets others see."""

import pytest


async def pair(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    sent = await alice.say("hi", to=bob.user)
    await bob.expect("message.new")
    return alice, bob, sent["conversationId"]


async def test_settings_are_as_they_were_set_and_told_to_the_other_devices(chat):
    phone, laptop = await chat.connect("bob", "phone"), await chat.connect("bob", "laptop")
    expected = {"type": "settings", "readReceipts": True, "lastSeen": "everyone", "online": "everyone"}
    assert {**await phone.ask("settings.get", "settings"), "id": 0} == {**expected, "id": 0}
    await phone.ok("settings.update", readReceipts=False, lastSeen="nobody")
    expected.update(readReceipts=False, lastSeen="nobody")
    assert await laptop.expect("settings") == expected
    await laptop.ok("settings.update", online="contacts")
    expected.update(online="contacts")
    assert {**await phone.ask("settings.get", "settings"), "id": 0} == {**expected, "id": 0}


@pytest.mark.parametrize("who", ["the reader", "the sender"])
async def test_hidden_reading_is_shown_to_nobody_on_any_way(chat, who):
    alice, bob, dm = await pair(chat)
    await (bob if who == "the reader" else alice).ok("settings.update", readReceipts=False)
    await bob.ok("message.read", conversationId=dm, seq=1)
    await alice.expect("message.delivered", seq=1)
    assert (await alice.synced(dm, 1))["cursors"][bob.user] == {"deliveredSeq": 1}
    page = await alice.ask("receipts.get", "receipts.page", conversationId=dm)
    assert page["members"] == [{"userId": bob.user, "deliveredSeq": 1}]
    own = await bob.synced(dm, 1)
    assert (own["readSeq"], own["unread"]) == (1, 0)
    alice.never_saw("message.read")


async def test_in_a_group_those_who_show_it_go_on_seeing_it(chat):
    alice, bob, carol = await chat.connect_all("alice", "bob", "carol")
    g = chat.name("g")
    await alice.create_group(g, [bob.user, carol.user])
    await bob.ok("settings.update", readReceipts=False)
    await alice.say("from alice", conversation=g)
    await bob.say("from bob", conversation=g)
    await carol.expect("message.new", seq=3)
    await carol.ok("message.read", conversationId=g, seq=3)
    assert (await alice.expect("message.read"))["readBy"] == carol.user
    assert (await bob.expect("message.delivered"))["userId"] == carol.user
    bob.never_saw("message.read")
    page = await alice.ask("receipts.get", "receipts.page", conversationId=g)
    assert [("readSeq" in m) for m in page["members"]] == [False, True]


async def test_what_is_no_setting_is_refused(chat):
    alice = await chat.connect("alice")
    for change in ({}, {"readReceipts": "no"}, {"lastSeen": "friends"}, {"online": 1}):
        await alice.refused("bad_request", "settings.update", **change)
