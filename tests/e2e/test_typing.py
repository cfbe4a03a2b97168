"""Typing: told to the others, never stored, ends by itself."""

import time

import pytest


async def talk(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    dm = (await alice.say("hi", to=bob.user))["conversationId"]
    return alice, bob, dm


async def test_start_and_stop_are_told_to_the_other_members(chat):
    alice, bob, dm = await talk(chat)
    for state in ("start", "stop"):
        await alice.send(f"typing.{state}", conversationId=dm)
        told = await bob.expect("typing.indicator")
        assert told == {"type": "typing.indicator", "conversationId": dm, "userId": alice.user, "state": state}
    await alice.still_works()
    alice.never_saw("typing.indicator")


async def test_typing_in_a_group_is_told_to_every_other_member(chat):
    alice, bob, carol, eve = await chat.connect_all("alice", "bob", "carol", "eve")
    g = chat.name("g")
    await alice.create_group(g, [bob.user, carol.user])
    await bob.send("typing.start", conversationId=g)
    for device in (alice, carol):
        assert (await device.expect("typing.indicator"))["userId"] == bob.user
    await bob.send("typing.stop", conversationId=g)
    await alice.expect("typing.indicator", state="stop")
    bob.never_saw("typing.indicator")
    eve.never_saw("typing.indicator")


async def test_typing_is_not_in_the_log(chat):
    alice, bob, dm = await talk(chat)
    await alice.ok("typing.start", conversationId=dm)
    await bob.expect("typing.indicator")
    assert [e["event"] for e in await bob.whole_history(dm)] == ["message"]


@pytest.mark.slow
async def test_typing_ends_by_itself_after_six_seconds(chat):
    if chat.server.shards == 1:
        pytest.skip("six seconds once are enough")
    alice, bob, dm = await talk(chat)
    await alice.send("typing.start", conversationId=dm)
    await bob.expect("typing.indicator", state="start")
    started = time.monotonic()
    told = await bob.expect("typing.indicator", timeout=9, state="stop")
    assert told["userId"] == alice.user
    assert time.monotonic() - started > 4.5
