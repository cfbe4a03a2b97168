"""Edits, deletions and reactions: live, late, in pages, on one's other devices, and against whom."""

import asyncio

import pytest

from device import new_id, seqs

SERVER_FLAGS = ["--edit-window-ms", "20000"]


async def pair(chat, messages=1):
    alice, bob = await chat.connect_all("alice", "bob")
    sent = await alice.say_many([f"m{i}" for i in range(1, messages + 1)], to=bob.user)
    await bob.expect("message.new", seq=messages)
    return alice, bob, sent


def of(sent):
    return {"conversationId": sent["conversationId"], "messageId": sent["messageId"]}


async def change(device, type, **fields):
    fields.setdefault("clientMsgId", new_id())
    return await device.ask(type, "message.sent", **fields)


async def edit(device, sent, content, **fields):
    return await change(device, "message.edit", **of(sent), content=content, **fields)


async def delete(device, sent, **fields):
    return await change(device, "message.delete", **of(sent), scope="everyone", **fields)


async def react(device, sent, emoji, op="add", **fields):
    return await change(device, "message.react", **of(sent), emoji=emoji, op=op, **fields)


async def unread(device, conversation):
    return (await device.listed(conversation))["unread"]


async def test_an_edit_is_an_event_for_everybody_and_the_author_s_other_devices(chat):
    tablet = await chat.connect("alice", "tablet")
    alice, bob, (sent,) = await pair(chat)
    answer = await edit(alice, sent, {"text": "anew"})
    assert answer["seq"] == 2 and answer["duplicate"] is False
    for device in (bob, tablet):
        data = (await device.expect("message.edited"))["data"]
        assert data == {**data, "seq": 2, "messageId": answer["messageId"], "targetSeq": 1,
                        "targetId": sent["messageId"], "content": {"text": "anew"}, "senderId": alice.user}
    alice.never_saw("message.edited")


async def test_history_shows_what_is_and_raw_what_came(chat):
    alice, bob, sent = await pair(chat, 2)
    dm = sent[0]["conversationId"]
    await edit(alice, sent[0], "anew")
    await react(bob, sent[1], "👍")
    await react(alice, sent[1], "👍")
    await react(alice, sent[1], "\"quoted\\")
    page = await bob.history(dm)
    assert seqs(page["events"]) == [2, 1] and (page["fromSeq"], page["toSeq"]) == (1, 6)
    second, first = page["events"]
    assert first["content"] == "anew" and isinstance(first["editedAt"], int)
    assert second["content"] == "m2" and "editedAt" not in second
    assert second["reactions"] == [{"emoji": "\"quoted\\", "count": 1}, {"emoji": "👍", "count": 2, "mine": True}]
    oldest_first = await bob.history(dm, after=0)
    assert oldest_first["events"] == [first, second]
    raw = (await bob.history(dm, after=0, raw=True))["events"]
    assert [e["event"] for e in raw] == ["message", "message", "edit", "reaction", "reaction", "reaction"]
    assert raw[0]["content"] == "m1" and raw[2]["content"] == "anew"
    assert [(e["emoji"], e["op"], e["senderId"]) for e in raw[3:]] == [
        ("👍", "add", bob.user), ("👍", "add", alice.user), ("\"quoted\\", "add", alice.user)]


async def test_changes_sync_like_messages(chat):
    alice, bob, (sent,) = await pair(chat)
    dm = sent["conversationId"]
    await bob.close()
    await edit(alice, sent, "anew")
    await react(alice, sent, "x")
    await delete(alice, sent)
    bob = await chat.connect("bob")
    events = (await bob.synced(dm, 1))["events"]
    assert [e["event"] for e in events] == ["edit", "reaction", "delete"]
    assert seqs(events) == [2, 3, 4] and {e["targetSeq"] for e in events} == {1}


async def test_a_deleted_message_keeps_its_place_and_loses_its_content_everywhere(chat):
    alice, bob, sent = await pair(chat, 2)
    dm = sent[0]["conversationId"]
    await edit(alice, sent[0], "second thought")
    await react(bob, sent[0], "x")
    answer = await delete(alice, sent[0])
    told = (await bob.expect("message.deleted"))["data"]
    assert told == {**told, "seq": answer["seq"], "targetSeq": 1, "targetId": sent[0]["messageId"]}
    shown = (await bob.history(dm))["events"][-1]
    assert shown["seq"] == 1 and shown["messageId"] == sent[0]["messageId"]
    assert shown["deleted"] is True and shown["deletedBy"] == alice.user
    assert "content" not in shown and "reactions" not in shown and "editedAt" not in shown
    for page in ((await bob.history(dm, after=0, raw=True)).raw, (await bob.sync({dm: 0})).raw):
        assert "m1" not in page and "second thought" not in page and "m2" in page


async def test_what_is_deleted_cannot_be_changed_again(chat):
    alice, bob, (sent,) = await pair(chat)
    await delete(alice, sent)
    for type, fields in (("message.edit", {"content": 1}), ("message.delete", {"scope": "everyone"}),
                         ("message.react", {"emoji": "x", "op": "add"})):
        await alice.refused("not_found", type, **of(sent), clientMsgId=new_id(), **fields)


async def test_only_who_may(chat):
    alice, bob, (sent,) = await pair(chat)
    eve = await chat.connect("eve")
    await bob.refused("forbidden", "message.edit", **of(sent), content=1, clientMsgId=new_id())
    await bob.refused("forbidden", "message.delete", **of(sent), scope="everyone", clientMsgId=new_id())
    await eve.refused("not_a_member", "message.react", **of(sent), emoji="x", op="add", clientMsgId=new_id())
    await eve.refused("not_a_member", "message.delete", **of(sent), scope="me")
    await bob.refused("not_found", "message.react", **{**of(sent), "messageId": "1"}, emoji="x", op="add",
                      clientMsgId=new_id())
    await bob.refused("not_found", "message.delete", **{**of(sent), "messageId": "1"}, scope="me")


async def test_an_admin_deletes_what_a_member_wrote(chat):
    alice, bob, carol = await chat.connect_all("alice", "bob", "carol")
    g = chat.name("g")
    await alice.create_group(g, [bob.user, carol.user])
    sent = await bob.say("rude", conversation=g)
    await carol.refused("forbidden", "message.delete", **of(sent), scope="everyone", clientMsgId=new_id())
    await delete(alice, sent)
    assert (await bob.expect("message.deleted"))["data"]["senderId"] == alice.user
    assert (await carol.history(g))["events"][0]["deletedBy"] == alice.user


async def test_retries_of_changes_take_effect_once(chat):
    alice, bob, (sent,) = await pair(chat)
    first = await edit(alice, sent, "anew", clientMsgId="e-1")
    again = await edit(alice, sent, "anew", clientMsgId="e-1")
    assert again == {**first, "id": again["id"], "duplicate": True}
    await alice.refused("idempotency_conflict", "message.edit", **of(sent), content="else", clientMsgId="e-1")
    gone = await delete(alice, sent, clientMsgId="d-1")
    again = await delete(alice, sent, clientMsgId="d-1")
    assert (again["seq"], again["duplicate"]) == (gone["seq"], True)
    again = await edit(alice, sent, "anew", clientMsgId="e-1")
    assert (again["seq"], again["duplicate"]) == (first["seq"], True)


async def test_a_reaction_counts_once_for_each_user_and_emoji(chat):
    alice, bob, (sent,) = await pair(chat)
    dm = sent["conversationId"]
    for emoji, op in (("x", "add"), ("x", "add"), ("y", "add"), ("y", "remove"), ("z", "remove")):
        await react(bob, sent, emoji, op)
    shown = (await alice.history(dm))["events"][-1]
    assert shown["reactions"] == [{"emoji": "x", "count": 1}]
    await react(bob, sent, "x", "remove")
    assert "reactions" not in (await alice.history(dm))["events"][-1]


async def test_many_changes_of_one_message_at_once_all_count(chat):
    alice, bob, (sent,) = await pair(chat)
    devices = [alice, bob] + [await chat.connect(user, f"d{i}") for user in ("alice", "bob") for i in range(3)]

    async def reacts(device, emoji):
        await react(device, sent, emoji)

    await asyncio.gather(*[reacts(device, emoji) for device in devices for emoji in ("a", "b", "c", "d")])
    shown = (await alice.history(sent["conversationId"]))["events"][-1]
    assert shown["reactions"] == [{"emoji": e, "count": 2, "mine": True} for e in ("a", "b", "c", "d")]


async def test_commands_after_a_change_stay_behind_it(chat):
    alice, bob, (sent,) = await pair(chat)
    for i in range(20):
        await alice.send("message.edit", **of(sent), content=i, clientMsgId=new_id())
        await alice.send("message.send", conversationId=sent["conversationId"], content=i, clientMsgId=new_id())
    await bob.expect("message.new", seq=41)
    raw = (await bob.history(sent["conversationId"], after=1, limit=100, raw=True))["events"]
    assert [(e["event"], e["content"]) for e in raw] == [
        (kind, i) for i in range(20) for kind in ("edit", "message")]


async def test_edits_reactions_and_what_was_deleted_are_not_unread(chat):
    alice, bob, sent = await pair(chat, 4)
    dm = sent[0]["conversationId"]
    assert await unread(bob, dm) == 4
    await edit(alice, sent[0], "anew")
    await react(alice, sent[0], "x")
    assert await unread(bob, dm) == 4
    await delete(alice, sent[1])
    assert await unread(bob, dm) == 3
    assert (await bob.synced(dm))["unread"] == 3
    await bob.ok("message.delete", **of(sent[2]), scope="me")
    assert await unread(bob, dm) == 2
    await bob.ok("message.read", conversationId=dm, seq=1)
    assert await unread(bob, dm) == 1


async def test_reading_tells_other_devices_without_what_was_deleted(chat):
    laptop = await chat.connect("bob", "laptop")
    alice, bob, sent = await pair(chat, 4)
    await delete(alice, sent[2])
    await bob.ok("message.read", conversationId=sent[0]["conversationId"], seq=1)
    assert (await laptop.expect("sync.read"))["unread"] == 2


async def test_deleted_for_me_is_gone_for_me_alone(chat):
    laptop = await chat.connect("bob", "laptop")
    alice, bob, sent = await pair(chat, 3)
    dm = sent[0]["conversationId"]
    await bob.ok("message.delete", **of(sent[2]), scope="me")
    told = await laptop.expect("sync.deleted")
    assert told == {"type": "sync.deleted", "conversationId": dm, "seq": 3,
                    "messageId": sent[2]["messageId"], "unread": 2}
    await bob.ok("message.delete", **of(sent[2]), scope="me")
    for device in (bob, laptop, await chat.connect("bob", "late")):
        page = await device.history(dm)
        assert seqs(page["events"]) == [2, 1] and page["toSeq"] == 3
        assert seqs((await device.synced(dm, 0))["events"]) == [1, 2]
        assert (await device.listed(dm))["lastMessage"]["seq"] == 2
    assert seqs((await alice.history(dm))["events"]) == [3, 2, 1]
    alice.never_saw("sync.deleted")
    alice.never_saw("message.deleted")
    await bob.still_works()
    bob.never_saw("sync.deleted")


async def test_what_changed_a_message_deleted_for_me_is_gone_for_me_too(chat):
    alice, bob, sent = await pair(chat, 2)
    dm = sent[0]["conversationId"]
    await edit(alice, sent[0], "second thought")
    await bob.ok("message.delete", **of(sent[0]), scope="me")
    for page in (await bob.history(dm, raw=True), await bob.history(dm, after=2, raw=True), await bob.sync({dm: 0})):
        assert "second thought" not in page.raw
    assert seqs((await bob.synced(dm, 0))["events"]) == [2]
    assert seqs((await alice.synced(dm, 0))["events"]) == [1, 2, 3]


async def test_a_page_of_large_edits_is_cut(chat):
    alice, bob, sent = await pair(chat, 40)
    for one in sent:
        await edit(alice, one, "x" * 16_000)
    got, page = [], await bob.history(sent[0]["conversationId"], before=41, limit=500)
    while True:
        assert len(page.raw) < 300_000
        got += seqs(page["events"])
        if not page["more"]:
            break
        page = await bob.history(sent[0]["conversationId"], before=page["fromSeq"], limit=500)
    assert got == list(range(40, 0, -1))


async def test_the_last_message_is_found_behind_many_reactions(chat):
    alice, bob, (sent,) = await pair(chat)
    carol = await chat.connect("carol")
    await carol.say("later", to=bob.user)
    await asyncio.sleep(0.005)
    newest = await alice.say("newest", to=bob.user)
    for i in range(70):
        await react(bob, newest, "x", "add" if i % 2 == 0 else "remove")
    listed = (await bob.conversations())["conversations"]
    assert [c["lastMessage"]["content"] for c in listed] == ["newest", "later"]


async def test_the_list_shows_the_last_message_as_it_is(chat):
    alice, bob, (sent,) = await pair(chat)
    dm = sent["conversationId"]
    await edit(alice, sent, "anew")
    assert (await bob.listed(dm))["lastMessage"]["content"] == "anew"
    await delete(alice, sent)
    last = (await bob.listed(dm))["lastMessage"]
    assert last["deleted"] is True and "content" not in last


async def test_what_came_before_one_joined_cannot_be_changed(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    g = chat.name("g")
    await alice.create_group(g, [])
    sent = await alice.say("before", conversation=g)
    await alice.add(g, bob.user)
    await bob.refused("not_found", "message.react", **of(sent), emoji="x", op="add", clientMsgId=new_id())
    await bob.refused("not_found", "message.delete", **of(sent), scope="me")


async def test_a_message_is_read_by_its_id_whatever_its_age(chat):
    alice, bob, sent = await pair(chat, 100)
    await bob.ok("message.read", conversationId=sent[0]["conversationId"], messageId=sent[10]["messageId"])
    assert (await bob.listed(sent[0]["conversationId"]))["readSeq"] == 11


async def test_changes_outlive_the_server(start_server, tmp_path):
    from device import Chat
    server = start_server()
    chat = Chat(server, "r")
    alice, bob, sent = await pair(chat, 3)
    dm = sent[0]["conversationId"]
    await edit(alice, sent[0], "anew")
    await delete(alice, sent[1])
    await react(bob, sent[0], "x")
    await bob.ok("message.delete", **of(sent[2]), scope="me")
    before = (await bob.history(dm))["events"]
    await chat.close()
    assert server.stop() == 0
    server = start_server()
    chat = Chat(server, "r")
    bob = await chat.connect("bob")
    assert (await bob.history(dm))["events"] == before
    assert await unread(bob, dm) == 1
    await chat.close()


async def test_an_old_message_is_not_edited(start_server):
    from device import Chat
    server = start_server("--edit-window-ms", "1", "--delete-window-ms", "1")
    chat = Chat(server, "w")
    alice, bob, (sent,) = await pair(chat)
    await asyncio.sleep(0.05)
    await alice.refused("forbidden", "message.edit", **of(sent), content=1, clientMsgId=new_id())
    await alice.refused("forbidden", "message.delete", **of(sent), scope="everyone", clientMsgId=new_id())
    await react(alice, sent, "x")
    await chat.close()
