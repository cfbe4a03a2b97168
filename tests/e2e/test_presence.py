"""Presence: online at once, offline after the debounce, only to who asked."""

import asyncio
import time

import pytest

from device import Chat
from raw import RawSocket

SERVER_FLAGS = ["--presence-debounce-ms", "600"]


def state_of(frame, user):
    return next(u for u in frame["users"] if u["userId"] == user)


async def watching(chat, user="bob"):
    alice = await chat.connect("alice")
    state = await alice.ask("presence.subscribe", "presence.state", users=[chat.name(user)])
    return alice, state_of(state, chat.name(user))


async def test_subscribing_answers_with_the_state_of_each(chat):
    bob = await chat.connect("bob")
    alice = await chat.connect("alice")
    await bob.still_works()
    answer = await alice.ask("presence.subscribe", "presence.state", users=[bob.user, chat.name("carol")])
    assert {u["userId"]: u["status"] for u in answer["users"]} == {bob.user: "online", chat.name("carol"): "offline"}


async def test_coming_online_is_told_at_once(chat):
    alice, state = await watching(chat)
    assert state["status"] == "offline"
    bob = await chat.connect("bob")
    told = await alice.expect("presence.update", timeout=2)
    assert (told["userId"], told["status"]) == (bob.user, "online")


@pytest.mark.parametrize("way", ["close", "cut"])
async def test_going_offline_is_told_after_the_debounce_with_last_seen(chat, way):
    alice, _ = await watching(chat)
    bob = await chat.connect("bob")
    await alice.expect("presence.update", status="online")
    if way == "close":
        await bob.close()
    else:
        bob.cut()
    gone = time.monotonic()
    told = await alice.expect("presence.update", status="offline")
    assert 0.4 < time.monotonic() - gone < 4
    assert told["userId"] == bob.user and abs(told["lastSeen"] - time.time() * 1000) < 60_000
    state = state_of(await alice.ask("presence.get", "presence.state", users=[bob.user]), bob.user)
    assert (state["status"], state["lastSeen"]) == ("offline", told["lastSeen"])


async def test_a_short_absence_is_not_seen(chat):
    alice, _ = await watching(chat)
    bob = await chat.connect("bob")
    await alice.expect("presence.update", status="online")
    bob.cut()
    await asyncio.sleep(0.1)
    await chat.connect("bob")
    await alice.expect_nothing("presence.update", within=1.2)


async def test_a_user_is_online_while_one_device_is(chat):
    alice, _ = await watching(chat)
    phone = await chat.connect("bob", "phone")
    await alice.expect("presence.update", status="online")
    tablet = await chat.connect("bob", "tablet")
    await phone.close()
    await alice.expect_nothing("presence.update", within=1.0)
    await tablet.close()
    await alice.expect("presence.update", status="offline")


async def test_get_answers_once_and_does_not_subscribe(chat):
    alice = await chat.connect("alice")
    answer = await alice.ask("presence.get", "presence.state", users=[chat.name("bob")])
    assert state_of(answer, chat.name("bob"))["status"] == "offline"
    await chat.connect("bob")
    await alice.expect_nothing("presence.update", within=0.3)
    answer = await alice.ask("presence.get", "presence.state", users=[chat.name("bob")])
    assert state_of(answer, chat.name("bob"))["status"] == "online"


async def test_unsubscribing_ends_the_updates(chat):
    alice, _ = await watching(chat)
    await alice.ok("presence.unsubscribe", users=[chat.name("bob")])
    await chat.connect("bob")
    await alice.expect_nothing("presence.update", within=0.3)


async def test_a_subscription_ends_with_its_session(chat):
    alice, _ = await watching(chat)
    await alice.close()
    alice = await chat.connect("alice")
    await chat.connect("bob")
    await alice.expect_nothing("presence.update", within=0.3)


async def test_several_watchers_are_told(chat):
    watchers = await chat.connect_all("w1", "w2", "w3", "w4")
    for watcher in watchers:
        await watcher.ask("presence.subscribe", "presence.state", users=[chat.name("bob")])
    await chat.connect("bob")
    for watcher in watchers:
        assert (await watcher.expect("presence.update"))["status"] == "online"


@pytest.mark.slow
async def test_a_silent_device_loses_its_lease_and_one_that_pings_keeps_it(start_server):
    chat = Chat(start_server("--presence-ttl-ms", "1500", "--presence-debounce-ms", "200"))
    alice = await chat.connect("alice")
    silent, lively = chat.name("silent"), chat.name("lively")
    await alice.ask("presence.subscribe", "presence.state", users=[silent, lively])
    talker = await chat.connect("lively")
    mute = await RawSocket.connect(chat.server.port, silent)
    try:
        await alice.expect("presence.update", userId=silent, status="online")
        await alice.expect("presence.update", userId=lively, status="online")
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            await talker.send("presence.ping")
            await alice.send("presence.ping")
            await asyncio.sleep(0.3)
            if any(f["type"] == "presence.update" and f["userId"] == silent and f["status"] == "offline"
                   for f in alice.frames):
                break
        await alice.expect("presence.update", userId=silent, status="offline", timeout=0.1)
        alice.never_saw("presence.update", userId=lively, status="offline")
    finally:
        mute.close()
        await chat.close()


async def test_a_status_is_told_and_shown(chat):
    alice, _ = await watching(chat)
    bob = await chat.connect("bob")
    await alice.expect("presence.update", status="online")
    await bob.ok("presence.set", status="dnd", text="In a meeting")
    assert await alice.expect("presence.update") == {
        "type": "presence.update", "userId": bob.user, "status": "dnd", "text": "In a meeting"}
    for i in range(20):
        await bob.ok("presence.set", status="away", text=str(i))
    state = await alice.ask("presence.get", "presence.state", users=[bob.user])
    assert state_of(state, bob.user) == {"userId": bob.user, "status": "away", "text": "19"}
    await alice.expect_nothing("presence.update", within=0.3)
