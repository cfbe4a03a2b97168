"""Contacts, blocks and profile; and what a device that was away hears of the user's account."""

import asyncio

import pytest

from device import Chat
from test_sync_tokens import token_of

CHANGES = {
    "settings": ("settings.update", {"online": "contacts"}),
    "contacts": ("contacts.add", {"users": ["carol"]}),
    "blocks": ("blocks.add", {"users": ["mallory"]}),
    "profile": ("profile.update", {"displayName": "Alice"}),
}


async def listed(device, name, **fields):
    return (await device.ask(f"{name}.list", f"{name}.page", **fields))["users"]


async def sections(device, token):
    """What changed since a token, and the token to go on with."""
    page = await device.sync(since=token)
    assert page["more"] is False
    return page.get("account", []), page["token"]


@pytest.mark.parametrize("name", ["contacts", "blocks"])
async def test_a_list_is_changed_told_to_the_other_devices_and_paged(chat, name):
    phone, tablet = await chat.connect("alice"), await chat.connect("alice", "tablet")
    users = [f"u{i:03}" for i in range(250)]
    for first in range(0, 250, 100):
        await phone.ok(f"{name}.add", users=users[first:first + 100])
        assert (await tablet.expect(f"{name}.changed"))["added"] == users[first:first + 100]
    await tablet.ok(f"{name}.remove", users=["u000", "u249", "nobody"])
    assert (await phone.expect(f"{name}.changed"))["removed"] == ["nobody", "u000", "u249"]
    found, cursor = [], {}
    while True:
        page = await phone.ask(f"{name}.list", f"{name}.page", limit=100, **cursor)
        found += page["users"]
        assert ("cursor" in page) == page["more"]
        if not page["more"]:
            break
        cursor = {"cursor": page["cursor"]}
    assert found == users[1:-1]
    phone.never_saw(f"{name}.changed", added=users[:100])


async def test_what_no_list_takes_is_refused_whole(chat):
    alice = await chat.connect("alice")
    for name in ("contacts", "blocks"):
        await alice.refused("too_large", f"{name}.add", users=[f"u{i}" for i in range(101)])
        for users in ([], ["not an id"], "bob", ["bob", alice.user]):
            await alice.refused("bad_request", f"{name}.add", users=users)
        await alice.refused("bad_request", f"{name}.list", limit=0)
        assert await listed(alice, name) == []
    await alice.refused("bad_request", "profile.update", displayName="a" * 257)
    await alice.refused("bad_request", "profile.update")


async def test_a_user_blocks_at_most_a_thousand(chat):
    alice = await chat.connect("alice")
    for i in range(10):
        await alice.ok("blocks.add", users=[f"u{i}.{j}" for j in range(100)])
    await alice.refused("too_large", "blocks.add", users=["u0.0", "one-more"])
    await alice.ok("blocks.add", users=["u0.0"])
    await alice.ok("blocks.remove", users=["u0.0"])
    await alice.ok("blocks.add", users=["one-more"])


async def test_a_block_parts_two_users_until_it_ends(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    dm = (await alice.say("before", to=bob.user))["conversationId"]
    await bob.expect("message.new")
    await alice.ask("presence.subscribe", "presence.state", users=[bob.user])
    await bob.ok("blocks.add", users=[alice.user])
    assert "lastSeen" not in await alice.expect("presence.update", status="offline")
    await alice.say("hidden", to=bob.user)
    await bob.expect("event.void", seq=2)
    await alice.ok("typing.start", conversationId=dm)
    await alice.ok("message.received", conversationId=dm, seq=1)
    await bob.ok("message.read", conversationId=dm, seq=1)
    await bob.refused("blocked", "message.send", to=alice.user, clientMsgId="b", content="hi")
    state = await bob.ask("presence.get", "presence.state", users=[alice.user])
    assert state["users"] == [{"userId": alice.user, "status": "offline"}]
    await alice.refused("forbidden", "conversation.create", clientMsgId="g", conversationId=chat.name("g"),
                        name="Family", members=[bob.user])
    for frame in ("typing.indicator", "message.new", "conversation.created"):
        bob.never_saw(frame, seq=2)
    alice.never_saw("message.read")
    await bob.ok("blocks.remove", users=[alice.user])
    await alice.expect("presence.update", status="online")
    await alice.say("after", to=bob.user)
    assert (await bob.expect("message.new", seq=3))["data"]["content"] == "after"


async def test_contacts_see_what_is_for_contacts(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    await bob.ok("settings.update", online="contacts", lastSeen="contacts")
    state = await alice.ask("presence.subscribe", "presence.state", users=[bob.user])
    assert state["users"][0]["status"] == "offline"
    await bob.ok("contacts.add", users=[alice.user])
    await alice.expect("presence.update", status="online")
    await bob.ok("contacts.remove", users=[alice.user])
    await alice.expect("presence.update", status="offline")


async def test_a_name_is_everybodys_to_read(chat):
    phone, tablet, bob = await chat.connect("alice"), await chat.connect("alice", "tablet"), await chat.connect("bob")
    for name in ("Alice", 'A "quoted" \u2600\ufe0f', ""):
        await phone.ok("profile.update", displayName=name)
        assert await tablet.expect("profile") == {"type": "profile", "userId": phone.user, "displayName": name}
        assert (await bob.ask("profile.get", "profile", userId=phone.user))["displayName"] == name
    assert (await phone.ask("settings.get", "settings"))["online"] == "everyone"


@pytest.mark.parametrize("section", CHANGES)
async def test_a_device_that_was_away_hears_what_has_changed_once(chat, section):
    phone, tablet = await chat.connect("alice"), await chat.connect("alice", "tablet")
    token = await token_of(tablet)
    assert (await sections(tablet, token))[0] == []
    await tablet.close()
    type, fields = CHANGES[section]
    for _ in range(3):
        await phone.ok(type, **fields)
    tablet = await chat.connect("alice", "tablet")
    told, later = await sections(tablet, token)
    assert told == [section]
    assert (await sections(tablet, later))[0] == []
    assert (await sections(tablet, token))[0] == [section], "a token is not used up"
    await phone.ok(type, **fields)
    assert (await sections(tablet, later))[0] == [section]


async def test_a_device_that_was_away_hears_of_devices(chat):
    phone = await chat.connect("alice")
    token = await token_of(phone)
    await chat.connect("alice", "tablet")
    told, later = await sections(phone, token)
    assert told == ["devices"]
    await chat.connect("alice", "tablet")
    assert (await sections(phone, later))[0] == [], "it was known"
    await phone.ok("devices.remove", deviceId="tablet")
    assert (await sections(phone, later))[0] == ["devices"]


async def test_nobody_hears_of_anothers_account(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    token = await token_of(bob)
    await alice.ok("blocks.add", users=[bob.user])
    await alice.ok("contacts.add", users=[bob.user])
    await alice.ok("profile.update", displayName="Alice")
    page = await bob.sync(since=token)
    assert "account" not in page and page["conversations"] == []
    await bob.still_works()
    assert {f["type"] for f in bob.frames} <= {"welcome", "sync.page", "presence.pong"}


async def test_watermarks_and_the_list_say_nothing_of_the_account(chat):
    alice = await chat.connect("alice")
    await alice.ok("contacts.add", users=["bob"])
    page = await alice.sync({})
    assert "account" not in page
    assert "account" not in await alice.sync(since=page["token"])
    page = await alice.conversations()
    assert "account" not in page
    assert "account" not in await alice.sync(since=page["token"])


@pytest.mark.parametrize("how", ["terminate", "kill"])
async def test_accounts_outlive_the_server(start_server, how):
    server = start_server(shards=2)
    chat = Chat(server)
    phone, bob = await chat.connect_all("alice", "bob")
    token = await token_of(phone)
    for type, fields in CHANGES.values():
        await phone.ok(type, **fields)
    await phone.ok("contacts.add", users=[bob.user])
    await phone.ok("blocks.add", users=[bob.user])
    getattr(server, how)()
    await phone.closed(15)
    await asyncio.to_thread(server.wait)
    server.restart()
    phone, bob = await chat.connect_all("alice", "bob")
    told, later = await sections(phone, token)
    assert told == ["blocks", "contacts", "profile", "settings"]
    assert (await sections(phone, later))[0] == []
    assert await listed(phone, "contacts") == sorted([bob.user, "carol"])
    assert await listed(phone, "blocks") == sorted([bob.user, "mallory"])
    assert (await phone.ask("profile.get", "profile"))["displayName"] == "Alice"
    await bob.say("hidden", to=phone.user)
    await phone.expect("event.void", seq=1)
