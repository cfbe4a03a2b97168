"""Over the rate limit: a temporary error, and the order of one session's commands is kept."""

import asyncio

from device import Chat, check_error, seqs


async def test_over_the_limit_is_temporary_and_later_commands_there_wait_their_turn(start_server):
    chat = Chat(start_server(rate_limit=5))
    alice, bob = await chat.connect_all("alice", "bob")
    total = 40
    for i in range(total):
        await alice.send("message.send", id=i, to=bob.user, clientMsgId=f"r-{i}", content=i)
    answers = [await alice.answer(i) for i in range(total)]
    sent = [i for i, a in enumerate(answers) if a["type"] == "message.sent"]
    assert 0 < len(sent) < total
    failed = len(sent)
    assert sent == list(range(failed)), "nothing overtakes the command that failed"
    for answer in answers[failed:]:
        check_error(answer, ("rate_limited", "retry_in_order"))
        assert answer["temporary"] is True
    assert answers[failed]["code"] == "rate_limited"
    assert answers[failed]["clientMsgId"] == f"r-{failed}"
    assert 0 < answers[failed]["retryAfterMs"] <= 60_000

    error = await alice.refused("retry_in_order", "message.send", to=bob.user, clientMsgId="r-39", content=39)
    assert error["temporary"] is True

    await alice.still_works()
    for _ in range(100):
        answer = await alice.request("message.send", to=bob.user, clientMsgId=f"r-{failed}", content=failed)
        if answer["type"] == "message.sent":
            break
        check_error(answer, "rate_limited")
        await asyncio.sleep(max(answer.get("retryAfterMs", 0), 50) / 1000)
    assert answer["type"] == "message.sent" and answer["seq"] == failed + 1
    assert seqs(await bob.whole_history(answer["conversationId"])) == list(range(1, failed + 2))
    await chat.close()


async def test_a_session_that_ends_forgets_what_failed(start_server):
    chat = Chat(start_server(rate_limit=5))
    alice = await chat.connect("alice")
    for i in range(40):
        await alice.send("message.send", id=i, to="bob", clientMsgId=f"r-{i}", content=i)
    answers = [await alice.answer(i) for i in range(40)]
    assert any(a["type"] == "error" for a in answers)
    await alice.close()
    alice = await chat.connect("alice")
    for _ in range(100):
        answer = await alice.request("message.send", to="bob", clientMsgId="new", content="new")
        if answer["type"] == "message.sent":
            break
        check_error(answer, "rate_limited")
        await asyncio.sleep(max(answer.get("retryAfterMs", 0), 50) / 1000)
    assert answer["type"] == "message.sent"
    await chat.close()


async def test_one_users_limit_is_not_anothers(start_server):
    chat = Chat(start_server(rate_limit=5))
    alice, bob = await chat.connect_all("alice", "bob")
    for i in range(40):
        await alice.send("message.send", id=i, to=bob.user, clientMsgId=f"r-{i}", content=i)
    await alice.answer(39)
    assert (await bob.say("hi", to=alice.user))["duplicate"] is False
    await chat.close()
