"""Messages that end by themselves: at the second, for everybody, wherever they are looked for."""

import asyncio

from device import new_id, seqs


async def pair(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    first = await alice.say("stays", to=bob.user)
    return alice, bob, first["conversationId"]


async def test_an_expiring_message_says_when_it_ends(chat):
    alice, bob, dm = await pair(chat)
    sent = await alice.say("brief", conversation=dm, expiresInSeconds=3600)
    data = (await bob.expect("message.new", seq=2))["data"]
    assert data["expiresAt"] == sent["timestamp"] + 3_600_000
    assert (await bob.history(dm))["events"][0] == {**data, "event": "message"}


async def test_what_has_expired_is_gone_everywhere(chat):
    alice, bob, dm = await pair(chat)
    sent = await alice.say("brief", conversation=dm, expiresInSeconds=1)
    await alice.ask("message.edit", "message.sent", conversationId=dm, messageId=sent["messageId"],
                    clientMsgId=new_id(), content="briefer")
    assert (await bob.listed(dm))["unread"] == 2
    await asyncio.sleep(1.1)
    late = await chat.connect("bob", "late")
    for device in (alice, bob, late):
        for page in (await device.history(dm), await device.history(dm, raw=True)):
            assert seqs(page["events"]) == [1] and (page["fromSeq"], page["toSeq"]) == (1, 3)
        entry = await device.synced(dm, 0)
        assert seqs(entry["events"]) == [1] and entry["toSeq"] == entry["headSeq"] == 3
        assert (await device.listed(dm))["lastMessage"]["seq"] == 1
    assert (await bob.listed(dm))["unread"] == 1 and (await bob.synced(dm))["unread"] == 1
    await alice.refused("not_found", "message.edit", conversationId=dm, messageId=sent["messageId"],
                        clientMsgId=new_id(), content="again")
    await bob.refused("not_found", "message.delete", conversationId=dm, messageId=sent["messageId"], scope="me")


async def test_reading_tells_other_devices_without_what_expired(chat):
    laptop = await chat.connect("bob", "laptop")
    alice, bob, dm = await pair(chat)
    await alice.say("brief", conversation=dm, expiresInSeconds=1)
    await alice.say("stays too", conversation=dm)
    await asyncio.sleep(1.1)
    await bob.ok("message.read", conversationId=dm, seq=1)
    assert (await laptop.expect("sync.read"))["unread"] == 1


async def test_a_conversation_has_a_default(chat):
    alice, bob, dm = await pair(chat)
    await bob.change("conversation.update", "conversation.updated", conversationId=dm, expiresInSeconds=60)
    told = (await alice.expect("conversation.updated"))["data"]
    assert told["expiresInSeconds"] == 60 and told["by"] == bob.user and "name" not in told
    sent = await alice.say("a minute", conversation=dm)
    assert (await bob.expect("message.new", seq=3))["data"]["expiresAt"] == sent["timestamp"] + 60_000
    own = await alice.say("two", conversation=dm, expiresInSeconds=2)
    assert (await bob.expect("message.new", seq=4))["data"]["expiresAt"] == own["timestamp"] + 2_000
    assert (await alice.listed(dm))["expiresInSeconds"] == 60
    await bob.change("conversation.update", "conversation.updated", conversationId=dm, expiresInSeconds=0)
    await alice.say("for ever", conversation=dm)
    assert "expiresAt" not in (await bob.expect("message.new", seq=6))["data"]
    assert "expiresInSeconds" not in await alice.listed(dm)


async def test_in_a_group_the_default_is_for_admins_to_set(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    g = chat.name("g")
    await alice.create_group(g, [bob.user])
    await bob.refused("forbidden", "conversation.update", conversationId=g, expiresInSeconds=60,
                      clientMsgId=new_id())
    await alice.change("conversation.update", "conversation.updated", conversationId=g, expiresInSeconds=60)
    assert (await bob.listed(g))["name"] == "Family"


async def test_a_retry_is_the_same_message_only_with_the_same_end(chat):
    alice, bob, dm = await pair(chat)
    first = await alice.say("brief", conversation=dm, expiresInSeconds=60, clientMsgId="x")
    again = await alice.say("brief", conversation=dm, expiresInSeconds=60, clientMsgId="x")
    assert again["duplicate"] is True and again["seq"] == first["seq"]
    await alice.refused("idempotency_conflict", "message.send", conversationId=dm, content="brief",
                        clientMsgId="x", expiresInSeconds=61)


async def test_a_group_may_have_a_default_from_the_beginning(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    g = chat.name("g")
    created = await alice.create_group(g, [bob.user], expiresInSeconds=60)
    assert created["expiresInSeconds"] == 60
    sent = await alice.say("brief", conversation=g)
    assert (await bob.expect("message.new"))["data"]["expiresAt"] == sent["timestamp"] + 60_000
