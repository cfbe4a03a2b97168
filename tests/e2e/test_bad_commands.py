"""Bad input in text frames: each kind has a named error, and the connection goes on."""

import json

import pytest

from device import Chat, check_error, direct_id, new_id


def command(**fields):
    return json.dumps(fields)


def send(**fields):
    """A message.send to bob with some fields changed; None leaves a field out."""
    whole = {"type": "message.send", "to": "BOB", "clientMsgId": "u", "content": "hi", **fields}
    return json.dumps({k: v for k, v in whole.items() if v is not None})


def send_content(content):
    return '{"type":"message.send","to":"BOB","clientMsgId":"u","content":' + content + "}"


BAD_JSON = {
    "an empty frame": "",
    "a space": " ",
    "half an object": '{"type":"presence.ping"',
    "an array": '[{"type":"presence.ping"}]',
    "a string": '"presence.ping"',
    "a number": "7",
    "null": "null",
    "a trailing comma": '{"type":"presence.ping",}',
    "two objects": '{"type":"presence.ping"}{"type":"presence.ping"}',
    "something after the object": '{"type":"presence.ping"} x',
    "single quotes": "{'type':'presence.ping'}",
    "a comment": '{"type":"presence.ping"/* */}',
    "a duplicate type": '{"type":"presence.ping","type":"presence.ping"}',
    "a duplicate id": '{"type":"presence.ping","id":1,"id":2}',
    "a duplicate content": '{"type":"message.send","to":"BOB","clientMsgId":"u","content":1,"content":2}',
    "a duplicate unknown key": '{"type":"presence.ping","x":1,"x":1}',
    "an escaped type key": r'{"t\u0079pe":"presence.ping"}',
    "an escaped content key": r'{"type":"message.send","to":"BOB","clientMsgId":"u","c\u006fntent":1}',
    "a raw control character": '{"type":"presence.ping","x":"a\nb"}',
    "a bad escape": r'{"type":"presence.ping","x":"\q"}',
    "a leading zero in content": send_content("01"),
    "two values in content": send_content("[1 2]"),
    "half a word in content": send_content("tru"),
    "mismatched brackets in content": send_content("[1}"),
    "not a number in content": send_content("NaN"),
    "a plus sign in content": send_content("+1"),
    "a bare dot in content": send_content("1."),
    "a lone surrogate in content": send_content(r'"\ud800"'),
    "a lone low surrogate in a key of content": send_content(r'{"\udc00":1}'),
    "a number beyond double in content": send_content("1e999"),
    "an unfinished string in content": send_content('"abc'),
    "broken json in an unknown field": '{"type":"presence.ping","x":[1 2]}',
}


@pytest.mark.parametrize("name", BAD_JSON)
async def test_what_is_not_one_json_object_is_bad_json(chat, name):
    alice, bob = await chat.connect_all("alice", "bob")
    await alice.send_raw(BAD_JSON[name].replace("BOB", bob.user))
    check_error(await alice.expect("error"), "bad_json")
    await alice.say("after", to=bob.user, clientMsgId="after")
    data = (await bob.expect("message.new"))["data"]
    assert (data["content"], data["seq"]) == ("after", 1)


async def test_content_nested_too_deeply_is_refused(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    for depth in (40, 1000, 8000):
        await alice.send_raw(send_content("[" * depth + "]" * depth).replace("BOB", bob.user))
        check_error(await alice.expect("error"), ("bad_json", "bad_request", "too_large"))
    await alice.send_raw('{"type":"presence.ping","x":' + "[" * 30_000 + "]" * 30_000 + "}")
    check_error(await alice.expect("error"), ("bad_json", "bad_request", "too_large"))
    await alice.still_works()


LONG_ID = "x" * 65
BAD_REQUESTS = {
    "no type": command(x=1),
    "an empty object": "{}",
    "a type that is a number": command(type=7),
    "a type that is null": command(type=None),
    "an id that is an object": command(type="presence.ping", id={}),
    "an id that is true": command(type="presence.ping", id=True),
    "an id that is null": command(type="presence.ping", id=None),
    "a negative id": command(type="presence.ping", id=-1),
    "a fractional id": command(type="presence.ping", id=1.5),
    "an id of 65 bytes": command(type="presence.ping", id=LONG_ID),
    "a send to nobody": send(to=None),
    "a send to two places": send(conversationId="c1"),
    "a send to an empty name": send(to=""),
    "a send to a name with a space": send(to="a b"),
    "a send to a number": send(to=5),
    "a send to a long name": send(to=LONG_ID),
    "a send to a conversation that is a number": send(to=None, conversationId=5),
    "a send to a conversation with a slash": send(to=None, conversationId="a/b"),
    "a send to an empty conversation id": send(to=None, conversationId=""),
    "a send without clientMsgId": send(clientMsgId=None),
    "an empty clientMsgId": send(clientMsgId=""),
    "a clientMsgId with a space": send(clientMsgId="a b"),
    "a long clientMsgId": send(clientMsgId=LONG_ID),
    "a clientMsgId that is a number": send(clientMsgId=5),
    "a non-ascii clientMsgId": send(clientMsgId="é"),
    "a send without content": send(content=None),
    "an unknown messageType": send(messageType="banana"),
    "a messageType that is a number": send(messageType=1),
    "a replyTo that is a number": send(replyTo=5),
    "a replyTo that is no number": send(replyTo="abc"),
    "a replyTo beyond 64 bits": send(replyTo="99999999999999999999"),
    "an acknowledgement of nothing": command(type="message.received"),
    "an acknowledgement without a seq": command(type="message.received", conversationId="DM"),
    "a negative seq": command(type="message.received", conversationId="DM", seq=-1),
    "a fractional seq": command(type="message.received", conversationId="DM", seq=1.5),
    "a seq that is a string": command(type="message.received", conversationId="DM", seq="1"),
    "a read of nothing": command(type="message.read", conversationId="DM"),
    "a read of a messageId that is a number": command(type="message.read", conversationId="DM", messageId=1),
    "a read of a messageId that is no number": command(type="message.read", conversationId="DM", messageId="x"),
    "cursors that are a list": command(type="message.read", cursors=[]),
    "cursors with a bad seq": command(type="message.read", cursors={"DM": "1"}),
    "cursors with a bad id": command(type="message.read", cursors={"a b": 1}),
    "typing nowhere": command(type="typing.start"),
    "presence of a string": command(type="presence.subscribe", users="BOB"),
    "presence of nobody named": command(type="presence.subscribe"),
    "presence of numbers": command(type="presence.get", users=[1]),
    "presence of a bad id": command(type="presence.subscribe", users=["a b"]),
    "watermarks that are a list": command(type="sync", watermarks=[]),
    "a negative watermark": command(type="sync", watermarks={"DM": -1}),
    "a watermark that is a string": command(type="sync", watermarks={"DM": "1"}),
    "a watermark without its seq": command(type="sync", watermarks={"DM": {"epoch": 1}}),
    "a since that is a number": command(type="sync", since=7),
    "a negative sync limit": command(type="sync", watermarks={}, limit=-1),
    "a sync limit that is a string": command(type="sync", watermarks={}, limit="10"),
    "a history of nothing": command(type="history"),
    "a history before a string": command(type="history", conversationId="DM", before="5"),
    "a history before and after": command(type="history", conversationId="DM", before=5, after=1),
    "a negative history limit": command(type="history", conversationId="DM", limit=-1),
    "a list limit that is a string": command(type="conversations.list", limit="x"),
    "a list cursor that is a number": command(type="conversations.list", cursor=7),
    "a group with members that are a string": command(type="conversation.create", clientMsgId="k", name="x",
                                                      members="BOB"),
    "a group with a bad member": command(type="conversation.create", clientMsgId="k", name="x", members=["a b"]),
    "a group whose name is a number": command(type="conversation.create", clientMsgId="k", name=5, members=["BOB"]),
    "a group without clientMsgId": command(type="conversation.create", name="x", members=["BOB"]),
    "a group with a bad id": command(type="conversation.create", clientMsgId="k", name="x", members=["BOB"],
                                     conversationId="a b"),
    "an unknown client state": command(type="client.state", state="sleepy"),
    "no client state": command(type="client.state"),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
async def test_a_missing_or_wrong_field_is_a_bad_request(chat, name):
    alice, bob = await chat.connect_all("alice", "bob")
    dm = direct_id(alice.user, bob.user)
    await bob.say("hi", to=alice.user)
    await alice.expect("message.new")
    await alice.send_raw(BAD_REQUESTS[name].replace("BOB", bob.user).replace("DM", dm))
    check_error(await alice.expect("error"), "bad_request")
    await alice.still_works()
    assert (await alice.say("after", to=bob.user))["seq"] == 2


async def test_a_name_that_is_too_long_is_refused(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    codes = ("bad_request", "too_large")
    await alice.refused(codes, "conversation.create", clientMsgId="k", name="é" * 200, members=[bob.user])
    await alice.create_group(chat.name("g"), [bob.user], name="é" * 128)


async def test_a_role_that_does_not_exist_is_a_bad_request(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    g = chat.name("g")
    await alice.create_group(g, [bob.user])
    await alice.refused("bad_request", "conversation.setRole", conversationId=g, userId=bob.user, role="king",
                        clientMsgId="k")
    await alice.refused("bad_request", "conversation.addMembers", conversationId=g, clientMsgId="l")


@pytest.mark.parametrize("type", ["", "banana", "message.sent", "welcome", "Message.Send", "presence.ping ", "x" * 300])
async def test_an_unknown_type_is_named_so(chat, type):
    alice = await chat.connect("alice")
    await alice.refused(("unknown_type", "bad_request") if type == "" else "unknown_type", type)
    await alice.still_works()


@pytest.mark.parametrize("field", [
    {"sendAt": 1900000000000}, {"silent": True}, {"encryption": {"scheme": "x"}},
    {"envelopes": [{"userId": "bob", "deviceId": "phone", "body": "x"}]},
], ids=lambda f: next(iter(f)))
async def test_a_known_field_that_is_not_built_is_unsupported(chat, field):
    alice, bob = await chat.connect_all("alice", "bob")
    error = await alice.refused("unsupported", "message.send", to=bob.user, clientMsgId="u", content="hi", **field)
    assert error["clientMsgId"] == "u" and error["temporary"] is False
    assert (await alice.say("after", to=bob.user))["seq"] == 1


async def test_an_error_repeats_the_requests_id_and_client_message_id(chat):
    alice = await chat.connect("alice")
    error = await alice.refused("not_a_member", "message.send", id="req-1", conversationId="nowhere",
                                clientMsgId="u-1", content="hi")
    assert (error["id"], error["clientMsgId"], error["temporary"]) == ("req-1", "u-1", False)
    error = await alice.refused("bad_request", "message.send", id=9, conversationId="nowhere", clientMsgId="u-2")
    assert (error["id"], error["clientMsgId"]) == (9, "u-2")


async def test_content_of_exactly_the_limit_is_taken_and_one_byte_more_is_too_large(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    await alice.say("x" * 16382, to=bob.user)
    await bob.expect("message.new", seq=1)
    await alice.refused("too_large", "message.send", to=bob.user, clientMsgId="u", content="x" * 16383)
    await alice.refused("too_large", "message.send", to=bob.user, clientMsgId="u", content="é" * 8192)
    assert (await alice.say("after", to=bob.user, clientMsgId="u"))["seq"] == 2


async def test_types_of_messages_have_limits_of_their_own(start_server):
    chat = Chat(start_server("--content-bytes", "20", "--content-bytes", "image=10", "--content-bytes", "custom=30"))
    alice, bob = await chat.connect_all("alice", "bob")
    assert alice.welcome["limits"] == {"contentBytes": 20, "frameBytes": 65536,
                                       "contentBytesByType": {"image": 10, "custom": 30}}
    for kind, limit in (("text", 20), ("image", 10), ("custom", 30)):
        sent = await alice.say("x" * (limit - 2), to=bob.user, messageType=kind)
        error = await alice.refused("too_large", "message.send", to=bob.user, clientMsgId=f"u-{kind}",
                                    messageType=kind, content="x" * (limit - 1))
        assert f"`{kind}`" in error["message"] and str(limit) in error["message"]
        one = {"conversationId": sent["conversationId"], "messageId": sent["messageId"]}
        await alice.ask("message.edit", "message.sent", **one, clientMsgId=f"e-{kind}", content="y" * (limit - 2))
        error = await alice.refused("too_large", "message.edit", **one, clientMsgId=f"f-{kind}",
                                    content="y" * (limit - 1))
        assert str(limit) in error["message"]
    await chat.close()


async def test_a_client_frame_of_exactly_the_limit_is_taken(chat):
    alice = await chat.connect("alice")
    text = '{"type":"presence.ping","id":1,"x":"%s"}'
    await alice.send_raw(text % ("x" * (65536 - len(text) + 2)))
    assert (await alice.answer(1))["type"] == "presence.pong"


async def test_many_bad_frames_do_not_harm_others(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    for _ in range(10):
        for bad in ("{", '{"type":1}', '{"type":"banana"}'):
            await alice.send_raw(bad)
    for _ in range(30):
        await alice.expect("error")
    await bob.still_works()


async def test_a_failed_first_message_does_not_make_the_conversation(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    await alice.refused("bad_request", "message.send", to=bob.user, clientMsgId="u", content="x", messageType="?")
    assert (await alice.conversations())["conversations"] == []
    assert (await bob.sync({}))["conversations"] == []
