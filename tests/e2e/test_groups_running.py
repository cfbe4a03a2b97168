"""How a group is run: who may do what, its owner, its end, whose history is whose, slow mode."""

import asyncio

import pytest

from device import Chat, new_id, seqs
from test_groups import family

EVERYONE = {"send": "everyone", "add": "admins", "edit": "admins", "pin": "admins"}


async def update(device, g, **fields):
    return await device.change("conversation.update", "conversation.updated", conversationId=g, **fields)


async def roles(device, g):
    page = await device.ask("conversation.members", "members.page", conversationId=g)
    return {m["userId"]: m["role"] for m in page["members"]}


async def test_a_group_shows_who_may_do_what_from_the_beginning(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    g = chat.name("fam")
    data = await alice.create_group(g, [bob.user])
    assert (data["permissions"], data["history"]) == (EVERYONE, "joined") and "slowModeSeconds" not in data
    entry = await bob.listed(g)
    assert (entry["permissions"], entry["history"]) == (EVERYONE, "joined") and "slowModeSeconds" not in entry
    dm = (await alice.say("hi", to=bob.user))["conversationId"]
    assert not {"permissions", "history"} & set(await bob.listed(dm))


async def test_a_broadcast_channel_is_written_by_its_admins_alone(chat):
    alice, bob, carol = await chat.connect_all("alice", "bob", "carol")
    g = chat.name("news")
    created = await alice.create_group(g, [bob.user, carol.user], permissions={"send": "admins"})
    assert created["permissions"] == {**EVERYONE, "send": "admins"}
    assert (await bob.expect("conversation.created"))["data"]["permissions"]["send"] == "admins"
    await bob.refused("forbidden", "message.send", conversationId=g, clientMsgId="1", content="boo")
    news = await alice.say("news", conversation=g)
    assert news["seq"] == 2
    await bob.expect("message.new", seq=2)
    await bob.ask("message.react", "message.sent", conversationId=g, messageId=news["messageId"], clientMsgId="2",
                  emoji="👍", op="add")
    await alice.expect("message.reaction", emoji="👍")
    await alice.set_role(g, bob.user, "admin")
    own = await bob.say("mine", conversation=g, clientMsgId="3")
    await alice.set_role(g, bob.user, "member")
    # What one wrote stays one's own; and a retry is answered as it was.
    await bob.ask("message.edit", "message.sent", conversationId=g, messageId=own["messageId"], clientMsgId="4",
                  content="better")
    again = await bob.say("mine", conversation=g, clientMsgId="3")
    assert (again["seq"], again["duplicate"]) == (own["seq"], True)
    await bob.ask("message.delete", "message.sent", conversationId=g, messageId=own["messageId"], clientMsgId="5",
                  scope="everyone")
    await bob.refused("forbidden", "message.send", conversationId=g, clientMsgId="6", content="boo")
    opened = await update(alice, g, permissions={"send": "everyone"})
    assert opened["permissions"] == EVERYONE and "history" not in opened
    assert (await bob.expect("conversation.updated"))["data"]["permissions"] == EVERYONE
    await bob.say("at last", conversation=g)


async def test_members_add_and_rename_where_they_may(chat):
    g, alice, bob, carol = await family(chat, "bob", "carol")
    dave = await chat.connect("dave")
    await update(alice, g, permissions={"add": "everyone", "edit": "everyone"})
    assert (await bob.add(g, dave.user))["op"] == "added"
    await dave.expect("conversation.member", op="added")
    assert (await update(carol, g, name="Clan"))["name"] == "Clan"
    for fields in ({"permissions": {"send": "admins"}}, {"history": "all"}, {"slowModeSeconds": 5}):
        await bob.refused("forbidden", "conversation.update", conversationId=g, clientMsgId=new_id(), **fields)
    await bob.refused("forbidden", "conversation.removeMembers", conversationId=g, clientMsgId=new_id(),
                      members=[dave.user])
    entry = await bob.listed(g)
    assert entry["permissions"] == {**EVERYONE, "add": "everyone", "edit": "everyone"}


@pytest.mark.parametrize("fields, named", [
    ({"permissions": {}}, "permissions"), ({"permissions": {"sing": "admins"}}, "permissions"),
    ({"permissions": {"send": "bob"}}, "permissions.send"), ({"permissions": "admins"}, "permissions"),
    ({"history": "some"}, "history"), ({"slowModeSeconds": 86401}, "slowModeSeconds"),
    ({"slowModeSeconds": -1}, "slowModeSeconds"), ({"slowModeSeconds": "5"}, "slowModeSeconds"),
])
async def test_settings_that_make_no_sense_are_refused_by_name(chat, fields, named):
    g, alice, bob = await family(chat, "bob")
    for type, more in (("conversation.update", {"conversationId": g}), ("conversation.create", {})):
        error = await alice.refused("bad_request", type, clientMsgId=new_id(), **more, **fields)
        assert f"`{named}`" in error["message"]
    assert (await alice.listed(g))["headSeq"] == 1


async def test_a_direct_conversation_has_no_settings(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    dm = (await alice.say("hi", to=bob.user))["conversationId"]
    for fields in ({"permissions": {"send": "admins"}}, {"history": "all"}, {"slowModeSeconds": 5}):
        await alice.refused("bad_request", "conversation.update", conversationId=dm, clientMsgId=new_id(), **fields)
    await alice.refused("bad_request", "conversation.delete", conversationId=dm, clientMsgId=new_id())


async def test_the_owner_is_above_the_admins_and_hands_over(chat):
    g, alice, bob, carol = await family(chat, "bob", "carol")
    await alice.set_role(g, bob.user, "admin")
    for role in ("member", "admin"):
        await bob.refused("forbidden", "conversation.setRole", conversationId=g, clientMsgId=new_id(),
                          userId=alice.user, role=role)
    await bob.refused("forbidden", "conversation.removeMembers", conversationId=g, clientMsgId=new_id(),
                      members=[carol.user, alice.user])
    await bob.refused("forbidden", "conversation.setRole", conversationId=g, clientMsgId=new_id(),
                      userId=carol.user, role="owner")
    head = (await alice.listed(g))["headSeq"]
    handed = await alice.set_role(g, carol.user, "owner")
    assert (handed["seq"], handed["op"], handed["userIds"], handed["role"]) == (head + 1, "role", [carol.user], "owner")
    assert (await bob.expect("conversation.member", role="owner"))["data"]["by"] == alice.user
    assert await roles(bob, g) == {alice.user: "admin", bob.user: "admin", carol.user: "owner"}
    assert (await carol.listed(g))["role"] == "owner"
    await alice.refused("forbidden", "conversation.setRole", conversationId=g, clientMsgId=new_id(),
                        userId=alice.user, role="owner")
    await carol.remove(g, alice.user)


async def test_when_the_owner_leaves_the_longest_admin_inherits_or_else_the_longest_member(chat):
    g, alice, bob, carol = await family(chat, "bob", "carol")
    await alice.set_role(g, carol.user, "admin")
    left = await alice.leave(g)
    assert (left["op"], left["newOwner"]) == ("left", carol.user)
    assert (await bob.expect("conversation.member", op="left"))["data"]["newOwner"] == carol.user
    assert await roles(bob, g) == {bob.user: "member", carol.user: "owner"}
    assert (await carol.leave(g))["newOwner"] == bob.user
    assert await roles(bob, g) == {bob.user: "owner"}
    assert "newOwner" not in await bob.leave(g)


async def test_a_deleted_group_is_gone_for_everybody(chat):
    g, alice, bob, carol = await family(chat, "bob", "carol")
    laptop, tablet = await asyncio.gather(chat.connect("bob", "laptop"), chat.connect("alice", "tablet"))
    await alice.say("secret", conversation=g)
    await alice.set_role(g, bob.user, "admin")
    await bob.refused("forbidden", "conversation.delete", conversationId=g, clientMsgId=new_id())
    deleted = await alice.change("conversation.delete", "conversation.member", conversationId=g, clientMsgId="gone")
    assert (deleted["seq"], deleted["op"], deleted["by"]) == (4, "deleted", alice.user)
    assert "userIds" not in deleted
    for device in (bob, laptop, carol, tablet):
        assert (await device.expect("conversation.member", op="deleted"))["data"]["seq"] == 4
        for type, fields in [("history", {}), ("message.send", {"clientMsgId": new_id(), "content": "boo"}),
                             ("typing.start", {}), ("message.read", {"seq": 1}), ("conversation.members", {}),
                             ("conversation.pin", {"pinned": True}), ("receipts.get", {}),
                             ("conversation.addMembers", {"clientMsgId": new_id(), "members": [bob.user]})]:
            await device.refused("not_a_member", type, conversationId=g, **fields)
        entry = await device.synced(g, 2)
        assert entry == {"conversationId": g, "removed": True}
        assert await device.listed(g) is None and await device.synced(g) is None
    again = await alice.change("conversation.delete", "conversation.member", conversationId=g, clientMsgId="gone")
    assert again["seq"] == 4
    await bob.refused("forbidden", "conversation.create", conversationId=g, clientMsgId=new_id(), members=[alice.user])
    for device in (bob, carol):
        assert len([f for f in device.frames if f.get("data", {}).get("op") == "deleted"]) == 1


async def test_who_joins_sees_everything_where_the_group_says_so(chat):
    g, alice, bob = await family(chat, "bob", history="all")
    carol, dave = await chat.connect_all("carol", "dave")
    first = await alice.say("first", conversation=g)
    await alice.say("second", conversation=g)
    await alice.add(g, carol.user)
    await carol.expect("conversation.member", op="added")
    assert seqs(await carol.whole_history(g)) == [1, 2, 3, 4]
    entry = await carol.listed(g)
    assert (entry["unread"], entry["lastMessage"]["content"], entry["history"]) == (0, "second", "all")
    entry = await carol.synced(g)
    assert (seqs(entry["events"]), entry["floorSeq"], entry["unread"]) == ([1, 2, 3, 4], 1, 0)
    await carol.ask("message.react", "message.sent", conversationId=g, messageId=first["messageId"],
                    clientMsgId="1", emoji="👍", op="add")
    await carol.ask("message.send", "message.sent", conversationId=g, clientMsgId="2", content="re",
                    replyTo=first["messageId"])
    await bob.say("third", conversation=g)
    await carol.expect("message.new", content="third")
    assert (await carol.listed(g))["unread"] == 1
    # From then on only what comes; who is in already keeps what one had.
    await update(alice, g, history="joined")
    added = await alice.add(g, dave.user)
    assert seqs(await dave.whole_history(g)) == [added["seq"]]
    assert seqs(await carol.whole_history(g)) == [1, 2, 3, 4, 6, 7, 8, 9]
    await dave.refused("not_found", "message.react", conversationId=g, messageId=first["messageId"],
                       clientMsgId="1", emoji="👍", op="add")


async def test_slow_mode_lets_members_send_now_and_then(chat):
    g, alice, bob, carol = await family(chat, "bob", "carol", slowModeSeconds=2)
    assert (await bob.listed(g))["slowModeSeconds"] == 2
    first = await bob.say("one", conversation=g, clientMsgId="1")
    error = await bob.refused("rate_limited", "message.send", conversationId=g, clientMsgId="2", content="two")
    assert error["temporary"] is True and 0 < error["retryAfterMs"] <= 2000
    # What was sent already may be repeated, by a session that has nothing else to send first.
    laptop = await chat.connect("bob", "laptop")
    again = await laptop.say("one", conversation=g, clientMsgId="1")
    assert (again["seq"], again["duplicate"]) == (first["seq"], True)
    await carol.say("not I", conversation=g)
    for word in ("quick", "quicker"):
        await alice.say(word, conversation=g)
    await laptop.refused("rate_limited", "message.send", conversationId=g, clientMsgId="3", content="three")
    await asyncio.sleep(error["retryAfterMs"] / 1000 + 0.05)
    assert (await bob.say("two", conversation=g, clientMsgId="2"))["duplicate"] is False
    off = await update(alice, g, slowModeSeconds=0)
    assert off["slowModeSeconds"] == 0
    await bob.expect("conversation.updated")
    await bob.say_many([4, 5, 6], conversation=g)
    assert "slowModeSeconds" not in await bob.listed(g)


async def test_slow_mode_lets_one_of_many_at_once_through(chat):
    g, alice, bob = await family(chat, "bob", slowModeSeconds=60)
    devices = await asyncio.gather(*[chat.connect("bob", f"d{i}") for i in range(8)])
    answers = await asyncio.gather(*[d.request("message.send", conversationId=g, clientMsgId=new_id(), content=1)
                                     for d in devices])
    assert sorted(a.get("code", "sent") for a in answers) == ["rate_limited"] * 7 + ["sent"]


@pytest.mark.parametrize("command, field, frame", [
    ("conversation.archive", "archived", {"mutedUntil": 0, "archived": True, "pinned": False}),
    ("conversation.pin", "pinned", {"mutedUntil": 0, "archived": False, "pinned": True}),
])
async def test_archiving_and_pinning_are_ones_own_and_told_to_ones_other_devices(chat, command, field, frame):
    g, alice, bob = await family(chat, "bob")
    dm = (await alice.say("hi", to=bob.user))["conversationId"]
    laptop = await chat.connect("bob", "laptop")
    for conversation in (g, dm):
        await bob.ok(command, conversationId=conversation, **{field: True})
        told = await laptop.expect("sync.preferences", conversationId=conversation)
        assert told == {"type": "sync.preferences", "conversationId": conversation, **frame}
        assert (await laptop.listed(conversation))[field] is True
        assert (await alice.listed(conversation))[field] is False
    await laptop.ok(command, conversationId=g, **{field: False})
    assert (await bob.expect("sync.preferences", conversationId=g))[field] is False
    entry = await bob.listed(g)
    assert (entry["archived"], entry["pinned"]) == (False, False)
    await bob.still_works()
    bob.never_saw("sync.preferences", conversationId=dm)
    alice.never_saw("sync.preferences")
    for wrong in ({}, {field: 1}):
        await bob.refused("bad_request", command, conversationId=g, **wrong)


async def test_preferences_add_up(chat):
    g, alice, bob = await family(chat, "bob")
    laptop = await chat.connect("bob", "laptop")
    await bob.ok("conversation.pin", conversationId=g, pinned=True)
    await bob.ok("conversation.mute", conversationId=g, until=4102444800000)
    await bob.ok("conversation.archive", conversationId=g, archived=True)
    told = await laptop.expect("sync.preferences", archived=True)
    assert (told["mutedUntil"], told["pinned"]) == (4102444800000, True)
    entry = await laptop.listed(g)
    assert (entry["mutedUntil"], entry["archived"], entry["pinned"]) == (4102444800000, True, True)
    await laptop.ok("conversation.mute", conversationId=g, until=0)
    entry = await bob.listed(g)
    assert (entry["muted"], entry["archived"], entry["pinned"]) == (False, True, True)


async def test_all_of_it_is_there_after_a_restart(start_server):
    server = start_server()
    chat = Chat(server, suffix="run")
    g, alice, bob, carol = await family(chat, "bob", "carol", history="all", permissions={"send": "admins"},
                                        slowModeSeconds=7)
    gone = chat.name("gone")
    await alice.create_group(gone, [bob.user])
    await alice.change("conversation.delete", "conversation.member", conversationId=gone)
    await alice.say("old", conversation=g)
    await alice.set_role(g, bob.user, "owner")
    await bob.ok("conversation.pin", conversationId=g, pinned=True)
    was = await bob.listed(g)
    server.terminate()
    await asyncio.to_thread(server.wait)
    server.restart()
    alice, bob, carol, dave = await chat.connect_all("alice", "bob", "carol", "dave")
    now = await bob.listed(g)
    assert now == was and (now["role"], now["pinned"], now["history"]) == ("owner", True, "all")
    await carol.refused("forbidden", "message.send", conversationId=g, clientMsgId="1", content="boo")
    await alice.refused("forbidden", "conversation.delete", conversationId=g, clientMsgId="2")
    await alice.refused("not_a_member", "history", conversationId=gone)
    await alice.add(g, dave.user)
    assert seqs(await dave.whole_history(g)) == [1, 2, 3, 4]
    await bob.change("conversation.delete", "conversation.member", conversationId=g)
