"""1:1 conversations: first message, both directions, own devices, content bytes, idempotency."""

import json
import time

import pytest

from device import direct_id, new_id


async def test_the_first_message_makes_the_conversation_at_seq_1(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    sent = await alice.say("hi", to=bob.user, clientMsgId="u-1")
    assert sent["conversationId"] == direct_id(alice.user, bob.user)
    assert sent["seq"] == 1
    assert sent["clientMsgId"] == "u-1"
    assert sent["duplicate"] is False
    assert isinstance(sent["messageId"], str) and sent["messageId"].isdigit()
    assert abs(sent["timestamp"] - time.time() * 1000) < 60_000
    data = (await bob.expect("message.new"))["data"]
    assert data == {**data, "conversationId": sent["conversationId"], "messageId": sent["messageId"], "seq": 1,
                    "senderId": alice.user, "senderDeviceId": "phone", "clientMsgId": "u-1",
                    "messageType": "text", "content": "hi", "timestamp": sent["timestamp"]}
    assert "replyTo" not in data and "expiresAt" not in data


async def test_both_directions_meet_in_one_conversation(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    first = await alice.say("hi", to=bob.user)
    second = await bob.say("hello", to=alice.user)
    third = await alice.say("well?", conversation=first["conversationId"])
    assert first["conversationId"] == second["conversationId"] == third["conversationId"]
    assert [first["seq"], second["seq"], third["seq"]] == [1, 2, 3]
    assert int(first["messageId"]) < int(second["messageId"]) < int(third["messageId"])
    assert (await alice.expect("message.new"))["data"]["content"] == "hello"


async def test_two_first_sends_at_once_meet(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    await alice.send("message.send", id="a", to=bob.user, clientMsgId=new_id(), content="from alice")
    await bob.send("message.send", id="b", to=alice.user, clientMsgId=new_id(), content="from bob")
    answers = [await alice.answer("a"), await bob.answer("b")]
    assert sorted(a["seq"] for a in answers) == [1, 2]
    assert (await alice.expect("message.new"))["data"]["content"] == "from bob"
    assert (await bob.expect("message.new"))["data"]["content"] == "from alice"


async def test_the_senders_other_devices_get_it_and_the_sending_device_does_not(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    tablet = await chat.connect("alice", "tablet")
    sent = await alice.say("one", to=bob.user)
    copy = await tablet.expect("message.new", content="one")
    assert copy["data"]["senderId"] == alice.user and copy["data"]["senderDeviceId"] == "phone"
    await tablet.say("two", conversation=sent["conversationId"])
    assert (await alice.expect("message.new"))["data"]["content"] == "two"
    alice.never_saw("message.new", content="one")
    tablet.never_saw("message.new", content="two")
    tablet.never_saw("message.sent", seq=1)


async def test_every_device_of_the_recipient_gets_it_and_nobody_else(chat):
    alice, bob, eve = await chat.connect_all("alice", "bob", "eve")
    laptop = await chat.connect("bob", "laptop")
    await alice.say("secret", to=bob.user)
    await bob.expect("message.new", content="secret")
    await laptop.expect("message.new", content="secret")
    await alice.say("not secret", to=eve.user)
    await eve.expect("message.new", content="not secret")
    eve.never_saw("message.new", content="secret")


async def test_a_burst_arrives_whole_and_in_order(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    sent = await alice.say_many(list(range(200)), to=bob.user)
    assert [s["seq"] for s in sent] == list(range(1, 201))
    got = [(await bob.expect("message.new"))["data"] for _ in range(200)]
    assert [d["seq"] for d in got] == list(range(1, 201))
    assert [d["content"] for d in got] == list(range(200))
    ids = [int(d["messageId"]) for d in got]
    assert ids == sorted(set(ids))


CONTENTS = [
    '"hi"', '""', "null", "true", "0", "-0", "1.0e2", "1E-2", "0.10", "12345678901234567890", "[]", "{}",
    '{"a" :  1.0e2,"b":[ 1,\t2 ] }', r'"\u0041\/\n\"\\"', r'"\ud83d\ude00"', '"é👍\u2028"', '{"b":1,"a":2}',
    '{"type":"message.new","data":{}}', '"</script>"', r'"\u0000"', "[" * 20 + "]" * 20,
]


@pytest.mark.parametrize("content", CONTENTS, ids=range(len(CONTENTS)))
async def test_content_is_relayed_as_the_very_bytes(chat, content):
    alice, bob = await chat.connect_all("alice", "bob")
    await alice.send_raw(f'{{"type":"message.send","id":1,"to":"{bob.user}","clientMsgId":"u","content":{content}}}')
    assert (await alice.answer(1))["type"] == "message.sent"
    live = await bob.expect("message.new")
    assert f'"content":{content}' in live.raw
    assert live["data"]["content"] == json.loads(content)
    page = await bob.history(live["data"]["conversationId"])
    assert f'"content":{content}' in page.raw
    page = await bob.sync({})
    assert f'"content":{content}' in page.raw
    page = await bob.conversations()
    assert f'"content":{content}' in page.raw


async def test_space_around_the_envelopes_tokens_is_not_content(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    await alice.send_raw(' { "content" :\n {"x": 1}\t, "clientMsgId" : "u" , "to" : "%s", "id" : 1 ,\r\n'
                         ' "type" : "message.send" } ' % bob.user)
    assert (await alice.answer(1))["type"] == "message.sent"
    data = await bob.expect("message.new")
    assert data["data"]["content"] == {"x": 1}
    assert '{"x": 1}' in data.raw


@pytest.mark.parametrize("kind", ["text", "image", "video", "audio", "document", "location", "contact", "custom"])
async def test_each_message_type_is_relayed(chat, kind):
    alice, bob = await chat.connect_all("alice", "bob")
    await alice.say({"x": 1}, to=bob.user, messageType=kind)
    assert (await bob.expect("message.new"))["data"]["messageType"] == kind


async def test_a_reply_names_what_it_replies_to(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    first = await alice.say("question", to=bob.user)
    await bob.say("answer", to=alice.user, replyTo=first["messageId"])
    assert (await alice.expect("message.new"))["data"]["replyTo"] == first["messageId"]
    events = await alice.whole_history(first["conversationId"])
    assert [e.get("replyTo") for e in events] == [None, first["messageId"]]


async def test_unknown_fields_are_dropped_and_known_ones_cannot_be_forged(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    await alice.say("hi", to=bob.user, senderId="mallory", seq=99, timestamp=1, messageId="5", evil={"x": 1},
                    senderDeviceId="other", data={"senderId": "mallory"})
    frame = await bob.expect("message.new")
    assert frame["data"]["senderId"] == alice.user and frame["data"]["seq"] == 1
    assert frame["data"]["senderDeviceId"] == "phone" and frame["data"]["timestamp"] > 1
    assert "evil" not in frame.raw and "mallory" not in frame.raw


async def test_a_retry_gets_the_original_ids_and_is_not_delivered_again(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    first = await alice.say("hi", to=bob.user, clientMsgId="same")
    again = await alice.say("hi", to=bob.user, clientMsgId="same")
    assert again["duplicate"] is True
    for field in ("conversationId", "messageId", "seq", "timestamp", "clientMsgId"):
        assert again[field] == first[field]
    by_id = await alice.say("hi", conversation=first["conversationId"], clientMsgId="same")
    assert by_id["duplicate"] is True and by_id["seq"] == first["seq"]
    await alice.say("end", to=bob.user)
    assert [(await bob.expect("message.new"))["data"]["content"] for _ in range(2)] == ["hi", "end"]


async def test_a_retry_from_another_connection_and_device_is_recognised(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    first = await alice.say("hi", to=bob.user, clientMsgId="same")
    await alice.close()
    for device in ("phone", "tablet"):
        again = await (await chat.connect("alice", device)).say("hi", to=bob.user, clientMsgId="same")
        assert (again["duplicate"], again["messageId"], again["seq"]) == (True, first["messageId"], 1)


async def test_two_sends_of_one_id_at_once_make_one_event(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    for id in range(100, 110):
        await alice.send("message.send", id=id, to=bob.user, clientMsgId="same", content="once")
    answers = [await alice.answer(id) for id in range(100, 110)]
    assert {(a["type"], a["seq"]) for a in answers} == {("message.sent", 1)}
    assert sorted(a["duplicate"] for a in answers) == [False] + [True] * 9


@pytest.mark.parametrize("change", [
    {"content": "other"}, {"messageType": "image"}, {"content": {"x": 1}},
])
async def test_the_same_id_with_another_payload_is_a_conflict_that_names_the_original(chat, change):
    alice, bob = await chat.connect_all("alice", "bob")
    first = await alice.say("hi", to=bob.user, clientMsgId="same")
    fields = {"to": bob.user, "clientMsgId": "same", "content": "hi", **change}
    error = await alice.refused("idempotency_conflict", "message.send", **fields)
    assert error["clientMsgId"] == "same" and error["temporary"] is False
    assert error["details"]["messageId"] == first["messageId"]
    assert error["details"]["seq"] == first["seq"]
    assert error["details"]["timestamp"] == first["timestamp"]
    await alice.say("end", to=bob.user)
    assert [(await bob.expect("message.new"))["data"]["content"] for _ in range(2)] == ["hi", "end"]


async def test_one_client_message_id_counts_per_sender_and_per_conversation(chat):
    alice, bob, carol = await chat.connect_all("alice", "bob", "carol")
    assert (await alice.say("hi", to=bob.user, clientMsgId="same"))["duplicate"] is False
    assert (await bob.say("ho", to=alice.user, clientMsgId="same"))["duplicate"] is False
    assert (await alice.say("hu", to=carol.user, clientMsgId="same"))["duplicate"] is False


async def test_a_stranger_can_neither_write_nor_read_a_direct_conversation(chat):
    alice, bob, eve = await chat.connect_all("alice", "bob", "eve")
    dm = (await alice.say("hi", to=bob.user))["conversationId"]
    await eve.refused("not_a_member", "message.send", conversationId=dm, clientMsgId="x", content="boo")
    await eve.refused("not_a_member", "history", conversationId=dm)
    await eve.refused("not_a_member", "message.read", conversationId=dm, seq=1)
    await eve.refused("not_a_member", "message.received", conversationId=dm, seq=1)
    await eve.refused("not_a_member", "typing.start", conversationId=dm)
    await alice.say("end", to=bob.user)
    assert [(await bob.expect("message.new"))["data"]["content"] for _ in range(2)] == ["hi", "end"]


async def test_a_direct_conversation_cannot_be_made_or_joined_by_its_id(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    dm = direct_id(alice.user, bob.user)
    await alice.refused("not_a_member", "message.send", conversationId=dm, clientMsgId="x", content="boo")
    sent = await alice.say("hi", to=bob.user)
    assert (sent["conversationId"], sent["seq"]) == (dm, 1)


async def test_a_direct_conversation_has_no_members_to_manage(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    dm = (await alice.say("hi", to=bob.user))["conversationId"]
    codes = ("forbidden", "bad_request", "unsupported")
    await alice.refused(codes, "conversation.addMembers", conversationId=dm, members=["eve"], clientMsgId="a")
    await alice.refused(codes, "conversation.removeMembers", conversationId=dm, members=[bob.user], clientMsgId="b")
    await alice.refused(codes, "conversation.leave", conversationId=dm, clientMsgId="c")
    await alice.refused(codes, "conversation.update", conversationId=dm, name="us", clientMsgId="d")
    assert (await alice.say("still", to=bob.user))["seq"] == 2
