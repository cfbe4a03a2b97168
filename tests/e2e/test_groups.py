"""Groups: creation, roles, membership in the log, who sees what, large groups."""

import asyncio

import pytest

from device import direct_id, members_of, new_id, seqs


async def family(chat, *others, **fields):
    """alice's group with the others, everybody connected; their `conversation.created` frames are taken."""
    devices = await chat.connect_all("alice", *others)
    g = chat.name("fam")
    await devices[0].create_group(g, [d.user for d in devices[1:]], **fields)
    for device in devices[1:]:
        await device.expect("conversation.created", conversationId=g)
    return (g, *devices)


async def test_creating_a_group_is_seq_1_and_told_to_every_member(chat):
    alice, bob, carol = await chat.connect_all("alice", "bob", "carol")
    tablet = await chat.connect("alice", "tablet")
    g = chat.name("fam")
    answer = await alice.ask("conversation.create", "conversation.created", id="c", clientMsgId="k",
                             conversationId=g, name="Family", members=[bob.user, carol.user])
    assert answer["id"] == "c"
    for data in [answer["data"]] + [(await d.expect("conversation.created"))["data"] for d in (bob, carol, tablet)]:
        assert data["conversationId"] == g and data["seq"] == 1 and data["name"] == "Family"
        assert members_of(data) == {alice.user, bob.user, carol.user}
    for device in (bob, carol, tablet):
        device.never_saw("conversation.created", id="c")
    sent = await alice.say("hi", conversation=g)
    assert sent["seq"] == 2
    for device in (bob, carol, tablet):
        assert (await device.expect("message.new"))["data"]["seq"] == 2
    await alice.still_works()
    assert len([f for f in alice.frames if f["type"] == "conversation.created"]) == 1


async def test_a_group_without_a_chosen_id_gets_one(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    one = await alice.change("conversation.create", "conversation.created", name="A", members=[bob.user])
    two = await alice.change("conversation.create", "conversation.created", name="A", members=[bob.user])
    assert one["conversationId"] != two["conversationId"]
    for g in (one["conversationId"], two["conversationId"]):
        assert 1 <= len(g) <= 64 and not g.startswith(("dm.", "sys."))
        assert (await bob.say("hi", conversation=g))["seq"] == 2


@pytest.mark.parametrize("chosen", [True, False])
async def test_a_retried_creation_makes_one_group(chat, chosen):
    alice, bob = await chat.connect_all("alice", "bob")
    fields = {"clientMsgId": "k", "name": "A", "members": [bob.user]}
    if chosen:
        fields["conversationId"] = chat.name("fam")
    one = await alice.change("conversation.create", "conversation.created", **fields)
    two = await alice.change("conversation.create", "conversation.created", **fields)
    assert (one["conversationId"], one["seq"]) == (two["conversationId"], two["seq"])
    await alice.say("end", conversation=one["conversationId"])
    await bob.expect("message.new")
    assert len([f for f in bob.frames if f["type"] == "conversation.created"]) == 1


async def test_an_id_that_is_taken_cannot_be_created_again(chat):
    g, alice, bob = await family(chat, "bob")
    eve = await chat.connect("eve")
    codes = ("forbidden", "bad_request", "not_a_member", "idempotency_conflict")
    await eve.refused(codes, "conversation.create", conversationId=g, clientMsgId="k", name="Mine", members=[bob.user])
    await eve.refused("not_a_member", "message.send", conversationId=g, clientMsgId="x", content="boo")
    assert (await alice.say("ours", conversation=g))["seq"] == 2


@pytest.mark.parametrize("prefix", ["dm.", "sys."])
async def test_reserved_ids_are_refused(chat, prefix):
    alice, bob = await chat.connect_all("alice", "bob")
    await alice.refused(("forbidden", "bad_request"), "conversation.create", conversationId=prefix + "x",
                        clientMsgId="k", name="A", members=[bob.user])
    await alice.refused(("forbidden", "bad_request"), "conversation.create", clientMsgId="l", name="A",
                        conversationId=direct_id(alice.user, bob.user), members=[bob.user])


async def test_more_than_500_members_at_once_are_refused(chat):
    g, alice, bob = await family(chat, "bob")
    many = [f"u{i}" for i in range(501)]
    codes = ("too_large", "bad_request")
    await alice.refused(codes, "conversation.create", clientMsgId="k", name="A", members=many)
    await alice.refused(codes, "conversation.addMembers", conversationId=g, clientMsgId="l", members=many)
    assert (await alice.say("hi", conversation=g))["seq"] == 2


async def test_the_creator_is_the_owner_and_the_others_are_members(chat):
    g, alice, bob = await family(chat, "bob")
    page = await alice.request("conversation.members", conversationId=g, limit=10)
    assert page["type"] != "error", page.raw
    assert {m["userId"]: m["role"] for m in page["members"]} == {alice.user: "owner", bob.user: "member"}
    assert page["more"] is False


async def test_what_only_an_admin_may_do_is_forbidden_to_a_member(chat):
    g, alice, bob, carol = await family(chat, "bob", "carol")
    await bob.refused("forbidden", "conversation.addMembers", conversationId=g, members=["x"], clientMsgId="1")
    await bob.refused("forbidden", "conversation.removeMembers", conversationId=g, members=[carol.user],
                      clientMsgId="2")
    await bob.refused("forbidden", "conversation.setRole", conversationId=g, userId=bob.user, role="admin",
                      clientMsgId="3")
    await bob.refused("forbidden", "conversation.update", conversationId=g, name="Mine", clientMsgId="4")
    assert (await alice.say("hi", conversation=g))["seq"] == 2


async def test_what_a_member_may_do_is_refused_to_a_stranger(chat):
    g, alice, bob = await family(chat, "bob")
    eve = await chat.connect("eve")
    for type, fields in [
        ("message.send", {"clientMsgId": "1", "content": "boo"}), ("history", {}), ("typing.start", {}),
        ("message.read", {"seq": 1}), ("message.received", {"seq": 1}),
        ("conversation.addMembers", {"clientMsgId": "2", "members": [eve.user]}),
        ("conversation.removeMembers", {"clientMsgId": "3", "members": [bob.user]}),
        ("conversation.setRole", {"clientMsgId": "4", "userId": eve.user, "role": "admin"}),
        ("conversation.update", {"clientMsgId": "5", "name": "Mine"}), ("conversation.leave", {"clientMsgId": "6"}),
        ("conversation.mute", {"muted": True}), ("conversation.members", {}),
        ("conversation.archive", {"archived": True}), ("conversation.pin", {"pinned": True}),
        ("conversation.delete", {"clientMsgId": "7"}),
    ]:
        await eve.refused("not_a_member", type, conversationId=g, **fields)
    assert (await alice.say("hi", conversation=g))["seq"] == 2


async def test_adding_tells_everybody_and_the_new_one_sees_from_there_on(chat):
    g, alice, bob = await family(chat, "bob")
    dave = await chat.connect("dave")
    await alice.say("before", conversation=g)
    await bob.expect("message.new", content="before")
    added = await alice.add(g, dave.user)
    assert added["seq"] == 3 and added["op"] == "added" and added["conversationId"] == g
    assert added["userIds"] == [dave.user] and added["by"] == alice.user
    for device in (bob, dave):
        data = (await device.expect("conversation.member"))["data"]
        assert (data["seq"], data["op"], data["userIds"], data["by"]) == (3, "added", [dave.user], alice.user)
    await bob.say("after", conversation=g)
    assert (await dave.expect("message.new"))["data"]["seq"] == 4
    dave.never_saw("message.new", content="before")

    events = await dave.whole_history(g)
    assert seqs(events) == [3, 4] and events[0]["event"] == "member"
    page = await dave.history(g, limit=50)
    assert seqs(page["events"]) == [4, 3] and page["more"] is False
    assert "before" not in page.raw
    entry = await dave.synced(g, 0)
    assert seqs(entry["events"]) == [3, 4] and entry["headSeq"] == entry["toSeq"] == 4
    assert entry["unread"] == 1
    assert seqs(await bob.whole_history(g)) == [1, 2, 3, 4]


async def test_several_are_added_in_one_event(chat):
    g, alice, bob, carol, dave = await chat_of_two_with_visitors(chat)
    added = await alice.add(g, carol.user, dave.user)
    assert set(added["userIds"]) == {carol.user, dave.user} and added["seq"] == 2
    await alice.say("hi", conversation=g)
    for device in (bob, carol, dave):
        assert (await device.expect("message.new"))["data"]["seq"] == 3


async def chat_of_two_with_visitors(chat):
    g, alice, bob = await family(chat, "bob")
    carol, dave = await chat.connect_all("carol", "dave")
    return g, alice, bob, carol, dave


async def test_a_removed_member_gets_nothing_afterwards(chat):
    g, alice, bob, carol = await family(chat, "bob", "carol")
    removed = await alice.remove(g, bob.user)
    assert (removed["op"], removed["userIds"], removed["seq"]) == ("removed", [bob.user], 2)
    assert (await carol.expect("conversation.member"))["data"]["op"] == "removed"
    assert (await bob.expect("conversation.member"))["data"]["userIds"] == [bob.user]
    await alice.say("without bob", conversation=g)
    await carol.expect("message.new")
    await bob.expect_nothing("message.new", within=0.2)
    for type, fields in [("history", {}), ("message.send", {"clientMsgId": "1", "content": "boo"}),
                         ("typing.start", {}), ("message.read", {"seq": 1}), ("conversation.members", {})]:
        await bob.refused("not_a_member", type, conversationId=g, **fields)
    entry = await bob.synced(g, 2)
    assert entry == {**entry, "conversationId": g, "removed": True} and not entry.get("events")
    assert await bob.synced(g) is None
    assert await bob.listed(g) is None


async def test_a_removed_member_gets_nothing_on_a_new_connection_either(chat):
    g, alice, bob, carol = await family(chat, "bob", "carol")
    await alice.remove(g, bob.user)
    laptop = await chat.connect("bob", "laptop")
    await alice.say("without bob", conversation=g)
    await carol.expect("message.new")
    await laptop.expect_nothing("message.new", within=0.2)


async def test_sends_that_race_with_a_removal_never_reach_the_removed(chat):
    g, alice, bob, carol = await family(chat, "bob", "carol")
    for i in range(20):
        await carol.send("message.send", conversationId=g, clientMsgId=new_id(), content=i, id=f"m{i}")
    removal = asyncio.ensure_future(alice.remove(g, bob.user))
    for i in range(20, 60):
        await carol.send("message.send", conversationId=g, clientMsgId=new_id(), content=i, id=f"m{i}")
    cut = (await removal)["seq"]
    answers = [await carol.answer(f"m{i}") for i in range(60)]
    assert sorted(a["seq"] for a in answers) == [s for s in range(2, 63) if s != cut]
    await alice.expect("message.new", seq=max(a["seq"] for a in answers))
    await bob.expect_nothing("message.new", within=0.2, where=lambda f: f["data"]["seq"] > cut)


async def test_one_who_comes_back_sees_from_the_new_beginning(chat):
    g, alice, bob, carol = await family(chat, "bob", "carol")
    await alice.remove(g, bob.user)
    await alice.say("in between", conversation=g)
    again = await alice.add(g, bob.user)
    await alice.say("welcome back", conversation=g)
    assert (await bob.expect("message.new"))["data"]["content"] == "welcome back"
    assert "in between" not in (await bob.history(g)).raw
    assert (await bob.history(g))["events"][-1]["seq"] == again["seq"]


async def test_leaving_tells_the_others_and_ends_membership(chat):
    g, alice, bob, carol = await family(chat, "bob", "carol")
    left = await bob.leave(g)
    assert (left["op"], left["userIds"], left["seq"]) == ("left", [bob.user], 2)
    assert (await carol.expect("conversation.member"))["data"]["op"] == "left"
    await alice.say("bye", conversation=g)
    await carol.expect("message.new")
    await bob.expect_nothing("message.new", within=0.2)
    await bob.refused("not_a_member", "message.send", conversationId=g, clientMsgId="x", content="boo")


async def test_a_promoted_member_may_do_what_an_admin_may_until_demoted(chat):
    g, alice, bob, carol = await family(chat, "bob", "carol")
    role = await alice.set_role(g, bob.user, "admin")
    assert (role["op"], role["userIds"], role["by"]) == ("role", [bob.user], alice.user)
    assert role["role"] == "admin"
    await carol.expect("conversation.member", op="role")
    await bob.add(g, chat.name("dave"))
    await alice.set_role(g, bob.user, "member")
    await bob.refused("forbidden", "conversation.addMembers", conversationId=g, members=["x"], clientMsgId="1")
    page = await carol.request("conversation.members", conversationId=g, limit=10)
    assert {m["userId"]: m["role"] for m in page["members"]} == {
        alice.user: "owner", bob.user: "member", carol.user: "member", chat.name("dave"): "member"}


async def test_an_update_tells_everybody_and_shows_in_the_list(chat):
    g, alice, bob = await family(chat, "bob")
    updated = await alice.change("conversation.update", "conversation.updated", conversationId=g, name="Clan")
    assert (updated["seq"], updated["name"]) == (2, "Clan")
    assert (await bob.expect("conversation.updated"))["data"]["name"] == "Clan"
    assert (await bob.listed(g))["name"] == "Clan"
    event = (await bob.history(g))["events"][0]
    assert (event["event"], event["seq"], event["name"]) == ("conversation", 2, "Clan")


async def test_a_retried_membership_command_has_one_effect(chat):
    g, alice, bob = await family(chat, "bob")
    fields = {"conversationId": g, "members": [chat.name("dave")], "clientMsgId": "same"}
    first = await alice.request("conversation.addMembers", **fields)
    again = await alice.request("conversation.addMembers", **fields)
    assert "error" not in (first["type"], again["type"]), again.raw
    assert (await alice.say("hi", conversation=g))["seq"] == 3


async def test_muting_is_ones_own_and_shows_in_the_list(chat):
    g, alice, bob = await family(chat, "bob")
    await bob.ok("conversation.mute", conversationId=g)
    assert (await bob.listed(g))["muted"] is True
    assert (await alice.listed(g))["muted"] is False
    await alice.say("still heard", conversation=g)
    await bob.expect("message.new")
    await bob.ok("conversation.mute", conversationId=g, until=0)
    assert (await bob.listed(g))["muted"] is False


async def test_members_are_paged(chat):
    g = chat.name("fam")
    alice = await chat.connect("alice")
    others = [chat.name(f"m{i}") for i in range(24)]
    await alice.create_group(g, others)
    seen, cursor = [], None
    for _ in range(10):
        fields = {} if cursor is None else {"cursor": cursor}
        page = await alice.request("conversation.members", conversationId=g, limit=10, **fields)
        assert page["type"] != "error" and len(page["members"]) <= 10, page.raw
        seen += [m["userId"] for m in page["members"]]
        if not page["more"]:
            break
        cursor = page["cursor"]
    assert len(seen) == 25 and set(seen) == {alice.user, *others}


async def test_a_group_keeps_one_order_for_everybody(chat):
    g, *devices = await family(chat, "bob", "carol", "dave")
    await asyncio.gather(*[d.say_many([f"{d.label}{i}" for i in range(25)], conversation=g) for d in devices])
    logs = []
    for device in devices:
        await device.expect("message.new", where=lambda f: True)
        log = await device.whole_history(g)
        assert seqs(log) == list(range(1, 102))
        logs.append([(e["seq"], e["messageId"], e.get("content")) for e in log])
    assert logs[0] == logs[1] == logs[2] == logs[3]
    for device in devices:
        live = [f["data"]["seq"] for f in device.frames if f["type"] == "message.new"]
        assert live == sorted(set(live))
        own = [e["content"] for e in log if e.get("senderId") == device.user and e["event"] == "message"]
        assert own == [f"{device.label}{i}" for i in range(25)]


async def test_a_large_group_has_no_member_list_no_typing_and_no_receipt_per_member(chat):
    alice, bob, carol = await chat.connect_all("alice", "bob", "carol")
    g = chat.name("big")
    others = [chat.name(f"m{i}") for i in range(297)] + [bob.user, carol.user]
    created = await alice.create_group(g, others)
    assert "members" not in created
    assert "members" not in (await bob.expect("conversation.created"))["data"]

    sent = await alice.say("hi", conversation=g)
    for device in (bob, carol):
        await device.expect("message.new", seq=sent["seq"])
    await bob.ok("message.received", conversationId=g, seq=2)
    await bob.ok("message.read", conversationId=g, seq=2)
    await bob.send("typing.start", conversationId=g)
    await bob.still_works()
    await alice.expect_nothing("typing.indicator", within=0.2)
    alice.never_saw("message.delivered")
    alice.never_saw("message.read")
    carol.never_saw("typing.indicator")
    entry = await bob.synced(g, 2)
    assert "cursors" not in entry and entry["readSeq"] == 2 and entry["unread"] == 0

    seen, cursor = set(), None
    for _ in range(20):
        fields = {} if cursor is None else {"cursor": cursor}
        page = await alice.request("conversation.members", conversationId=g, limit=100, **fields)
        assert page["type"] != "error", page.raw
        assert not seen & members_of(page) and len(page["members"]) <= 100
        seen |= members_of(page)
        if not page["more"]:
            break
        cursor = page["cursor"]
    assert seen == {alice.user, *others}
