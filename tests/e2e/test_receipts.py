"""Delivered and read receipts are cursors that only go forward."""

from device import direct_id


async def pair(chat, messages=1):
    alice, bob = await chat.connect_all("alice", "bob")
    sent = await alice.say_many([f"m{i}" for i in range(1, messages + 1)], to=bob.user)
    await bob.expect("message.new", seq=messages)
    return alice, bob, sent


async def test_delivered_is_told_to_every_device_of_the_sender(chat):
    tablet = await chat.connect("alice", "tablet")
    alice, bob, sent = await pair(chat)
    await bob.ok("message.received", conversationId=sent[0]["conversationId"], seq=1)
    for device in (alice, tablet):
        receipt = await device.expect("message.delivered")
        assert receipt["conversationId"] == sent[0]["conversationId"]
        assert receipt["seq"] == 1 and receipt["messageId"] == sent[0]["messageId"]
        assert receipt["userId"] == bob.user and isinstance(receipt["timestamp"], int)
    bob.never_saw("message.delivered")


async def test_read_is_told_to_every_device_of_the_sender(chat):
    tablet = await chat.connect("alice", "tablet")
    alice, bob, sent = await pair(chat)
    await bob.ok("message.read", conversationId=sent[0]["conversationId"], messageId=sent[0]["messageId"])
    for device in (alice, tablet):
        receipt = await device.expect("message.read")
        assert receipt["seq"] == 1 and receipt["messageId"] == sent[0]["messageId"]
        assert receipt["readBy"] == bob.user and isinstance(receipt["timestamp"], int)
        assert receipt["conversationId"] == sent[0]["conversationId"]


async def test_reading_is_told_to_the_readers_other_devices_only(chat):
    laptop = await chat.connect("bob", "laptop")
    alice, bob, sent = await pair(chat, 3)
    dm = sent[0]["conversationId"]
    await bob.ok("message.read", conversationId=dm, seq=2)
    told = await laptop.expect("sync.read")
    assert told == {**told, "conversationId": dm, "lastReadSeq": 2, "lastReadMessageId": sent[1]["messageId"],
                    "unread": 1}
    await alice.expect("message.read", seq=2)
    await bob.still_works()
    bob.never_saw("sync.read")
    alice.never_saw("sync.read")


async def test_a_cursor_covers_everything_up_to_it(chat):
    alice, bob, sent = await pair(chat, 5)
    dm = sent[0]["conversationId"]
    await bob.ok("message.received", conversationId=dm, seq=4)
    await alice.expect("message.delivered", seq=4)
    await bob.ok("message.read", conversationId=dm, seq=3)
    await alice.expect("message.read", seq=3)
    for seq in (1, 2):
        alice.never_saw("message.delivered", seq=seq)
        alice.never_saw("message.read", seq=seq)
    cursors = (await alice.synced(dm, 5))["cursors"]
    assert cursors[bob.user] == {"deliveredSeq": 4, "readSeq": 3}


async def test_a_cursor_never_goes_back(chat):
    alice, bob, sent = await pair(chat, 5)
    dm = sent[0]["conversationId"]
    await bob.ok("message.received", conversationId=dm, seq=5)
    await bob.ok("message.read", conversationId=dm, seq=4)
    await bob.ok("message.received", conversationId=dm, seq=2)
    await bob.ok("message.read", conversationId=dm, seq=1)
    await bob.ok("message.read", conversationId=dm, messageId=sent[1]["messageId"])
    await alice.expect("message.read", seq=4)
    entry = await bob.synced(dm, 5)
    assert entry["readSeq"] == 4 and entry["unread"] == 1
    assert (await alice.synced(dm, 5))["cursors"][bob.user] == {"deliveredSeq": 5, "readSeq": 4}
    alice.never_saw("message.delivered", seq=2)
    alice.never_saw("message.read", seq=1)
    alice.never_saw("message.read", seq=2)


async def test_a_repeated_acknowledgement_is_not_told_again(chat):
    alice, bob, sent = await pair(chat, 2)
    dm = sent[0]["conversationId"]
    laptop = await chat.connect("bob", "laptop")
    await bob.ok("message.received", conversationId=dm, seq=1)
    await alice.expect("message.delivered", seq=1)
    await laptop.ok("message.received", conversationId=dm, seq=1)
    await bob.ok("message.received", conversationId=dm, seq=1)
    await bob.ok("message.received", conversationId=dm, seq=2)
    await alice.expect("message.delivered", seq=2)
    await alice.expect_nothing("message.delivered", within=0.2)


async def test_above_the_head_is_a_bad_request_and_moves_nothing(chat):
    alice, bob, sent = await pair(chat, 2)
    dm = sent[0]["conversationId"]
    await bob.refused("bad_request", "message.received", conversationId=dm, seq=3)
    await bob.refused("bad_request", "message.read", conversationId=dm, seq=3)
    await bob.refused("bad_request", "message.read", conversationId=dm, seq=2**63)
    assert (await alice.synced(dm, 2))["cursors"].get(bob.user, {"readSeq": 0})["readSeq"] == 0
    alice.never_saw("message.read")


async def test_an_unknown_message_id_is_not_found(chat):
    alice, bob, sent = await pair(chat)
    await bob.refused("not_found", "message.read", conversationId=sent[0]["conversationId"], messageId="12345")


async def test_cursors_of_several_conversations_go_in_one_frame(chat):
    alice, bob, sent = await pair(chat, 2)
    carol = await chat.connect("carol")
    other = await carol.say("hey", to=bob.user)
    both = {sent[0]["conversationId"]: 2, other["conversationId"]: 1}
    await bob.ok("message.received", cursors=both)
    await alice.expect("message.delivered", seq=2)
    await carol.expect("message.delivered", seq=1)
    await bob.ok("message.read", cursors=both)
    await alice.expect("message.read", seq=2)
    await carol.expect("message.read", seq=1)


async def test_only_the_senders_affected_are_told(chat):
    alice, bob, carol = await chat.connect_all("alice", "bob", "carol")
    g = chat.name("g")
    await alice.create_group(g, [bob.user, carol.user])
    assert (await alice.say("2", conversation=g))["seq"] == 2
    assert (await carol.say("3", conversation=g))["seq"] == 3
    await bob.expect("message.new", seq=3)
    await bob.ok("message.read", conversationId=g, seq=2)
    assert (await alice.expect("message.read", readBy=bob.user))["seq"] == 2
    await bob.ok("message.read", conversationId=g, seq=3)
    assert (await carol.expect("message.read", readBy=bob.user))["seq"] == 3
    await alice.expect_nothing("message.read", within=0.2)
    carol.never_saw("message.read", seq=2)


async def test_acknowledging_ones_own_messages_tells_nobody(chat):
    alice, bob, sent = await pair(chat)
    tablet = await chat.connect("alice", "tablet")
    await tablet.ok("message.received", conversationId=sent[0]["conversationId"], seq=1)
    await tablet.ok("message.read", conversationId=sent[0]["conversationId"], seq=1)
    await alice.expect_nothing("message.delivered", within=0.2)
    alice.never_saw("message.read")
    bob.never_saw("message.read")


async def test_receipts_given_while_the_sender_was_away_are_seen_in_sync(chat):
    alice, bob, sent = await pair(chat, 3)
    await alice.close()
    dm = direct_id(alice.user, bob.user)
    await bob.ok("message.received", conversationId=dm, seq=3)
    await bob.ok("message.read", conversationId=dm, seq=2)
    alice = await chat.connect("alice")
    assert (await alice.synced(dm, 3))["cursors"][bob.user] == {"deliveredSeq": 3, "readSeq": 2}


async def test_a_receipt_for_no_conversation_of_ones_own_is_refused(chat):
    eve = await chat.connect("eve")
    await eve.refused("not_a_member", "message.received", conversationId="nowhere", seq=1)
    await eve.refused("not_a_member", "message.read", conversationId="nowhere", seq=1)


async def test_members_of_a_group_are_asked_how_far_they_have_come(chat):
    alice, bob, carol, dave = await chat.connect_all("alice", "bob", "carol", "dave")
    eve = await chat.connect("eve")
    g = chat.name("g")
    await alice.create_group(g, [bob.user, carol.user, dave.user])
    sent = await alice.say("hi", conversation=g)
    await bob.ok("message.read", conversationId=g, seq=sent["seq"])
    await carol.ok("message.received", conversationId=g, seq=sent["seq"])

    async def page(**fields):
        return await alice.ask("receipts.get", "receipts.page", conversationId=g, **fields)

    everybody = await page()
    assert everybody["more"] is False and everybody["conversationId"] == g
    assert everybody["members"] == [
        {"userId": bob.user, "deliveredSeq": 2, "readSeq": 2},
        {"userId": carol.user, "deliveredSeq": 2, "readSeq": 0},
        {"userId": dave.user, "deliveredSeq": 0, "readSeq": 0}]
    assert [m["userId"] for m in (await page(seq=2))["members"]] == [bob.user, carol.user]
    first = await page(limit=2)
    assert first["more"] is True and first["cursor"] == carol.user
    rest = await page(limit=2, cursor=first["cursor"])
    assert first["members"] + rest["members"] == everybody["members"] and rest["more"] is False
    await alice.refused("bad_request", "receipts.get", conversationId=g, seq=3)
    await eve.refused("not_a_member", "receipts.get", conversationId=g)
    await eve.refused("not_a_member", "receipts.get", conversationId="nowhere")


async def test_many_acknowledgements_in_a_group_are_few_pushes_and_the_last_one_arrives(chat):
    alice, bob, carol = await chat.connect_all("alice", "bob", "carol")
    g = chat.name("g")
    await alice.create_group(g, [bob.user, carol.user])
    await alice.say_many([f"m{i}" for i in range(50)], conversation=g)
    for device in (bob, carol):
        await device.expect("message.new", seq=51)
        for seq in range(2, 52):
            await device.send("message.received", conversationId=g, seq=seq)
    for device in (bob, carol):
        await alice.expect("message.delivered", userId=device.user, seq=51)
    pushes = [f for f in alice.frames if f["type"] == "message.delivered"]
    assert len(pushes) <= 8
