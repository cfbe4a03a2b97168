"""Messages pinned for everybody: who may, who sees them, and what ends it."""

import asyncio

import pytest

from device import Chat, new_id

MOST = 50


async def pin(device, sent, op="add", **fields):
    return await device.change("message.pin", "conversation.updated", conversationId=sent["conversationId"],
                               messageId=sent["messageId"], op=op, **fields)


async def refused(device, code, sent, op="add", **fields):
    return await device.refused(code, "message.pin", conversationId=sent["conversationId"],
                                messageId=sent["messageId"], op=op, clientMsgId=new_id(), **fields)


async def pins(device, conversation):
    """What is pinned; the same in the list and in a sync, or the test fails."""
    listed = (await device.listed(conversation)).get("pinnedMessages", [])
    synced = (await device.synced(conversation)).get("pinnedMessages", [])
    assert listed == synced
    return [p["seq"] for p in listed]


async def family(chat, *others, **fields):
    devices = await chat.connect_all("alice", *others)
    g = chat.name("fam")
    await devices[0].create_group(g, [d.user for d in devices[1:]], **fields)
    return g, *devices


async def test_either_side_of_a_direct_conversation_pins_and_unpins(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    laptop = await chat.connect("bob", "laptop")
    sent = await alice.say("key", to=bob.user)
    dm = sent["conversationId"]
    data = await pin(bob, sent)
    assert data["pinnedMessage"] == {"op": "add", "messageId": sent["messageId"], "seq": 1} and data["by"] == bob.user
    for device in (alice, laptop):
        assert (await device.expect("conversation.updated"))["data"]["pinnedMessage"] == data["pinnedMessage"]
    assert await pins(alice, dm) == await pins(bob, dm) == [1]
    data = await pin(alice, sent, "remove")
    assert data["pinnedMessage"] == {"op": "remove", "messageId": sent["messageId"], "seq": 1}
    assert await pins(alice, dm) == await pins(bob, dm) == []


async def test_pins_come_in_the_order_of_pinning(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    sent = await alice.say_many(["1", "2", "3"], to=bob.user)
    for i in (2, 0, 1):
        await pin(alice, sent[i])
    assert await pins(bob, sent[0]["conversationId"]) == [3, 1, 2]


async def test_in_a_group_pins_who_may(chat):
    g, alice, bob = await family(chat, "bob")
    mallory = await chat.connect("mallory")
    sent = await bob.say("rules", conversation=g)
    await refused(bob, "forbidden", sent)
    await refused(bob, "forbidden", sent, "remove")
    await refused(mallory, "not_a_member", sent)
    await pin(alice, sent)
    assert await pins(bob, g) == [2]
    await alice.change("conversation.update", "conversation.updated", conversationId=g,
                       permissions={"pin": "everyone"})
    await pin(bob, sent, "remove")
    assert await pins(alice, g) == []


async def test_pinning_twice_and_removing_what_is_not_pinned_change_nothing(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    sent = await alice.say_many(["1", "2"], to=bob.user)
    dm = sent[0]["conversationId"]
    await pin(alice, sent[0], "remove")
    await pin(alice, sent[0])
    await pin(bob, sent[0])
    assert await pins(bob, dm) == [1]
    data = await pin(bob, sent[1], "remove")
    assert data["pinnedMessage"] == {"op": "remove", "messageId": sent[1]["messageId"]}
    assert await pins(bob, dm) == [1]


async def test_a_repetition_is_answered_with_its_event_and_another_payload_is_a_conflict(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    sent = await alice.say_many(["1", "2"], to=bob.user)
    first = await pin(alice, sent[0], clientMsgId="p")
    assert await pin(alice, sent[0], clientMsgId="p") == first
    for other in ({"messageId": sent[1]["messageId"], "op": "add"}, {"messageId": sent[0]["messageId"], "op": "remove"}):
        await alice.refused("idempotency_conflict", "message.pin", conversationId=first["conversationId"],
                            clientMsgId="p", **other)


async def test_what_is_deleted_for_everyone_is_pinned_no_longer(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    sent = await alice.say_many(["1", "2"], to=bob.user)
    dm = sent[0]["conversationId"]
    for one in sent:
        await pin(bob, one)
    await alice.ask("message.delete", "message.sent", conversationId=dm, messageId=sent[0]["messageId"],
                    clientMsgId=new_id(), scope="everyone")
    assert await pins(alice, dm) == await pins(bob, dm) == [2]
    await refused(bob, "not_found", sent[0])
    await pin(bob, sent[0], "remove")  # is fine: it is not pinned


async def test_what_expires_is_pinned_no_longer(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    dm = (await alice.say("stays", to=bob.user))["conversationId"]
    brief = await alice.say("brief", conversation=dm, expiresInSeconds=1)
    await pin(bob, brief)
    assert await pins(alice, dm) == [2]
    await asyncio.sleep(1.1)
    assert await pins(alice, dm) == await pins(bob, dm) == []
    events = (await alice.history(dm, raw=True))["events"]
    assert [e["seq"] for e in events] == [1], "what pinned it has gone with it"
    await refused(bob, "not_found", brief)


async def test_a_newcomer_is_shown_the_pins_of_messages_it_may_see(chat):
    g, alice = await family(chat)
    carol = await chat.connect("carol")
    await pin(alice, await alice.say("before", conversation=g))
    await alice.add(g, carol.user)
    after = await alice.say("after", conversation=g)
    await pin(alice, after)
    assert await pins(carol, g) == [after["seq"]]
    assert await pins(alice, g) == [2, after["seq"]]


async def test_a_newcomer_who_sees_the_whole_history_is_shown_every_pin(chat):
    g, alice = await family(chat, history="all")
    carol = await chat.connect("carol")
    await pin(alice, await alice.say("before", conversation=g))
    await alice.add(g, carol.user)
    assert await pins(carol, g) == [2]


async def test_there_are_fifty_pins_and_no_more(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    sent = await alice.say_many([str(i) for i in range(MOST + 1)], to=bob.user)
    for one in sent[:MOST]:
        await pin(alice, one)
    await refused(alice, "too_large", sent[MOST])
    await pin(alice, sent[0])  # already pinned
    await pin(alice, sent[0], "remove")
    await pin(alice, sent[MOST])
    assert await pins(bob, sent[0]["conversationId"]) == list(range(2, MOST + 2))


async def test_pins_outlive_a_restart(start_server):
    first = start_server()
    chat = Chat(first, "r")
    alice, bob = await chat.connect_all("alice", "bob")
    sent = await alice.say("key", to=bob.user)
    await pin(alice, sent)
    await chat.close()
    assert first.stop() == 0
    chat = Chat(start_server(data=first.data), "r")
    alice, bob = await chat.connect_all("alice", "bob")
    assert await pins(bob, sent["conversationId"]) == [1]
    await pin(bob, sent, "remove")
    assert await pins(alice, sent["conversationId"]) == []
    await chat.close()


@pytest.mark.parametrize("fields, what", [
    ({"op": "toggle"}, "`op`"), ({"op": None}, "`op`"), ({"messageId": 7}, "`messageId`"),
    ({"clientMsgId": ""}, "`clientMsgId`"), ({"conversationId": "a b"}, "`conversationId`"),
])
async def test_a_bad_pin_is_explained(chat, fields, what):
    alice = await chat.connect("alice")
    command = {"conversationId": "c", "messageId": "7", "clientMsgId": "u", "op": "add", **fields}
    error = await alice.refused("bad_request", "message.pin", **command)
    assert what in error["message"]


async def test_what_is_not_there_cannot_be_pinned(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    sent = await alice.say("hi", to=bob.user)
    await refused(alice, "not_found", {**sent, "messageId": "1"})
    event = await pin(alice, sent)
    await refused(alice, "not_found", {**sent, "messageId": event["messageId"]})
