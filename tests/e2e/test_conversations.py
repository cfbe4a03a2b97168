"""The conversation list: order, last message, unread, paging."""

import asyncio


async def test_a_new_user_has_no_conversations(chat):
    alice = await chat.connect("alice")
    page = await alice.conversations(limit=50)
    assert page["conversations"] == [] and page["more"] is False


async def test_an_entry_says_what_a_list_needs(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    sent = await alice.say({"x": 1}, to=bob.user)
    g = chat.name("g")
    await alice.create_group(g, [bob.user])
    group = await alice.say("hi all", conversation=g)
    entry = await bob.listed(sent["conversationId"])
    assert entry["conversationType"] == "direct"
    assert (entry["headSeq"], entry["readSeq"], entry["unread"], entry["muted"]) == (1, 0, 1, False)
    last = entry["lastMessage"]
    assert (last["messageId"], last["seq"], last["senderId"], last["content"]) == (
        sent["messageId"], 1, alice.user, {"x": 1})
    entry = await bob.listed(g)
    assert (entry["conversationType"], entry["name"], entry["headSeq"], entry["unread"]) == ("group", "Family", 2, 1)
    assert entry["lastMessage"]["messageId"] == group["messageId"]


async def test_a_new_group_is_listed_before_its_first_message(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    g = chat.name("g")
    await alice.create_group(g, [bob.user])
    await bob.expect("conversation.created")
    for device in (alice, bob):
        entry = await device.listed(g)
        assert (entry["headSeq"], entry["unread"], entry.get("lastMessage")) == (1, 0, None)


async def test_the_most_recently_active_comes_first(chat):
    alice = await chat.connect("alice")
    made = []
    for name in ("a", "b", "c"):
        made.append((await alice.say("hi", to=chat.name(name)))["conversationId"])
        await asyncio.sleep(0.005)
    async def order():
        return [c["conversationId"] for c in (await alice.conversations())["conversations"]]
    assert await order() == [made[2], made[1], made[0]]
    await alice.say("again", conversation=made[0])
    assert await order() == [made[0], made[2], made[1]]


async def test_the_list_is_paged(chat):
    alice = await chat.connect("alice")
    made = []
    for i in range(7):
        made.append((await alice.say("hi", to=chat.name(f"u{i}")))["conversationId"])
        await asyncio.sleep(0.005)
    got, fields = [], {}
    for number in range(10):
        page = await alice.conversations(limit=3, **fields)
        if number == 0:
            assert isinstance(page["token"], str)
        assert len(page["conversations"]) <= 3
        got += [c["conversationId"] for c in page["conversations"]]
        if not page["more"]:
            break
        fields = {"cursor": page["cursor"]}
    assert got == made[::-1]


async def test_unread_counts_the_messages_of_others_after_the_read_cursor(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    dm = (await alice.say_many([1, 2, 3], to=bob.user))[0]["conversationId"]
    assert (await bob.listed(dm))["unread"] == 3
    assert (await alice.listed(dm))["unread"] == 0
    await bob.ok("message.read", conversationId=dm, seq=2)
    assert (await bob.listed(dm))["unread"] == 1
    assert (await bob.listed(dm))["readSeq"] == 2
    await alice.say(4, to=bob.user)
    assert (await bob.listed(dm))["unread"] == 2
    assert (await bob.synced(dm, 4))["unread"] == 2
    await bob.ok("message.read", conversationId=dm, seq=4)
    assert (await bob.listed(dm))["unread"] == 0


async def test_being_delivered_is_not_being_read(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    dm = (await alice.say_many([1, 2], to=bob.user))[0]["conversationId"]
    await bob.ok("message.received", conversationId=dm, seq=2)
    assert (await bob.listed(dm))["unread"] == 2


async def test_ones_own_send_clears_what_came_before_it(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    dm = (await alice.say_many([1, 2, 3], to=bob.user))[0]["conversationId"]
    await bob.say("answer", conversation=dm)
    assert (await bob.listed(dm))["unread"] == 0
    assert (await alice.listed(dm))["unread"] == 1
    await alice.say_many([5, 6], conversation=dm)
    assert (await bob.listed(dm))["unread"] == 2


async def test_membership_and_updates_do_not_count_as_unread(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    g = chat.name("g")
    await alice.create_group(g, [bob.user])
    await alice.add(g, chat.name("carol"))
    await alice.change("conversation.update", "conversation.updated", conversationId=g, name="B")
    await alice.say("one", conversation=g)
    await alice.remove(g, chat.name("carol"))
    entry = await bob.listed(g)
    assert (entry["headSeq"], entry["unread"]) == (5, 1)
    assert entry["lastMessage"]["content"] == "one"


async def test_unread_of_one_who_joined_later_counts_from_there(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    dave = await chat.connect("dave")
    g = chat.name("g")
    await alice.create_group(g, [bob.user])
    await alice.say_many([1, 2, 3], conversation=g)
    await alice.add(g, dave.user)
    entry = await dave.listed(g)
    assert entry["unread"] == 0 and not entry.get("lastMessage")
    await alice.say(4, conversation=g)
    assert (await dave.listed(g))["unread"] == 1
    assert (await bob.listed(g))["unread"] == 4


async def test_all_devices_of_a_user_agree_about_unread(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    laptop = await chat.connect("bob", "laptop")
    dm = (await alice.say_many([1, 2], to=bob.user))[0]["conversationId"]
    await laptop.ok("message.read", conversationId=dm, seq=2)
    assert (await bob.expect("sync.read"))["unread"] == 0
    assert (await bob.listed(dm))["unread"] == (await laptop.listed(dm))["unread"] == 0
