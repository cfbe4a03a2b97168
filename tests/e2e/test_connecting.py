"""Upgrade, welcome, hello, device replacement, keeping alive, ids of requests."""

import asyncio
import time

import pytest

from raw import RawSocket, http, upgrade_head


async def test_the_welcome_says_who_one_is_and_what_the_server_can_do(chat):
    before = time.time() * 1000
    alice = await chat.connect("alice", "phone")
    welcome = alice.welcome
    assert welcome["userId"] == chat.name("alice")
    assert welcome["deviceId"] == "phone"
    assert welcome["protocol"] == 1
    assert welcome["heartbeatSeconds"] == 30
    assert welcome["limits"]["contentBytes"] == 16384
    assert welcome["limits"]["frameBytes"] == 65536
    assert {"sync", "history"} <= set(welcome["features"])
    assert isinstance(welcome["sessionId"], str) and welcome["sessionId"]
    assert isinstance(welcome["serverId"], str) and welcome["serverId"]
    assert isinstance(welcome["serverTime"], int) and abs(welcome["serverTime"] - before) < 60_000


async def test_the_welcome_is_the_first_frame(chat):
    alice = await chat.connect("alice")
    assert alice.frames[0]["type"] == "welcome"


async def test_two_sessions_have_different_session_ids_and_one_server_id(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    assert alice.welcome["sessionId"] != bob.welcome["sessionId"]
    assert alice.welcome["serverId"] == bob.welcome["serverId"]


async def test_the_query_is_percent_decoded(chat):
    device = await chat.open("user=alice%3A%40x&device=a%2Db")
    welcome = await device.expect("welcome")
    assert (welcome["userId"], welcome["deviceId"]) == ("alice:@x", "a-b")


@pytest.mark.parametrize("user", ["a%20b", "a%2Fb", "%C3%A9", "x" * 65, "a%00b"])
async def test_a_user_id_outside_the_alphabet_is_closed_4500(chat, user):
    device = await chat.open(f"user={user}&device=phone")
    code, reason = await device.closed()
    assert code == 4500 and reason.split(";")[0] == "unauthorized"
    device.never_saw("welcome")


async def test_a_device_id_outside_the_alphabet_is_refused(chat):
    device = await chat.open(f"user={chat.name('alice')}&device=a%20b")
    code, _ = await device.closed()
    assert 4500 <= code <= 4999
    device.never_saw("welcome")


@pytest.mark.parametrize("query", ["", "device=phone", "user=&device=phone"])
async def test_a_hello_without_any_credentials_is_closed_4500(chat, query):
    device = await chat.open(query)
    try:
        await device.send("hello", deviceId="phone", platform="ios", protocol=1, caps=[])
    except Exception:  # the server may have closed already
        pass
    code, reason = await device.closed()
    assert code == 4500 and reason.split(";")[0] == "unauthorized"
    device.never_saw("welcome")


async def test_a_token_that_cannot_be_checked_is_refused_in_development_mode(chat):
    device = await chat.open()
    await device.send("hello", token="e30.e30.e30", deviceId="phone", protocol=1)
    assert (await device.closed())[0] == 4500
    device.never_saw("welcome")


async def test_a_first_frame_other_than_hello_without_credentials_is_closed_4500(chat):
    device = await chat.open()
    await device.send("presence.ping")
    assert (await device.closed())[0] == 4500
    device.never_saw("presence.pong")


@pytest.mark.slow
async def test_no_hello_within_ten_seconds_is_closed_4500(chat):
    if chat.server.shards > 1:
        pytest.skip("ten seconds once are enough")
    device = await chat.open()
    started = time.monotonic()
    code, _ = await device.closed(15)
    assert code == 4500
    assert 8 < time.monotonic() - started < 14


async def test_a_hello_is_allowed_first_even_when_the_handshake_had_credentials(chat):
    alice = await chat.open(f"user={chat.name('alice')}&device=phone")
    await alice.send("hello", id="h", deviceId="phone", platform="ios", protocol=1, caps=[])
    assert (await alice.answer("h"))["type"] in ("ok", "welcome")
    await alice.still_works()


async def test_the_same_device_connecting_again_replaces_the_old_connection(chat):
    old = await chat.connect("alice", "phone")
    tablet = await chat.connect("alice", "tablet")
    new = await chat.connect("alice", "phone")
    code, reason = await old.closed()
    assert code == 4502 and reason.split(";")[0] == "replaced"
    bob = await chat.connect("bob")
    await bob.say("hi", to=new.user)
    await new.expect("message.new")
    await tablet.expect("message.new")


async def test_the_same_device_name_of_another_user_replaces_nothing(chat):
    alice = await chat.connect("alice", "phone")
    await chat.connect("bob", "phone")
    await alice.still_works()
    assert alice.close_code is None


async def test_a_device_connecting_many_times_at_once_keeps_exactly_one_connection(chat):
    query = f"user={chat.name('alice')}&device=phone"
    devices = await asyncio.gather(*[chat.open(query) for _ in range(8)])
    deadline = time.monotonic() + 8
    while sum(d._gone.is_set() for d in devices) < 7 and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    alive = [d for d in devices if not d._gone.is_set()]
    assert len(alive) == 1
    assert {d.close_code for d in devices if d is not alive[0]} == {4502}
    await alive[0].expect("welcome")
    await alive[0].still_works()


async def test_a_ping_is_answered_with_a_pong(chat):
    alice = await chat.connect("alice")
    await alice.send("presence.ping")
    await alice.expect("presence.pong")
    await alice.ping()


async def test_a_client_that_closes_gets_its_closing_handshake(chat):
    alice = await chat.connect("alice")
    await alice.close()
    assert alice.close_code == 1000


@pytest.mark.parametrize("id", [0, 7, 2**53 - 1, 2**64 - 1, "", "a", "ü☃", "x" * 64, "a\"b\\c"])
async def test_an_answer_repeats_the_requests_id_as_it_was(chat, id):
    alice = await chat.connect("alice")
    assert (await alice.request("presence.ping", id=id))["type"] == "presence.pong"
    assert (await alice.request("no.such.type", id=id))["type"] == "error"


async def test_a_request_without_an_answer_of_its_own_is_answered_ok(chat):
    alice, bob = await chat.connect_all("alice", "bob")
    sent = await alice.say("hi", to=bob.user)
    dm = sent["conversationId"]
    await bob.ok("message.received", conversationId=dm, seq=1)
    await bob.ok("message.read", conversationId=dm, seq=1)
    await bob.ok("typing.start", conversationId=dm)
    await bob.ok("typing.stop", conversationId=dm)
    await bob.ok("client.state", state="background")
    await bob.ok("client.state", state="foreground")
    await bob.ok("presence.unsubscribe", users=[alice.user])


async def test_without_an_id_such_a_request_is_not_answered(chat):
    alice = await chat.connect("alice")
    await alice.send("client.state", state="background")
    await alice.still_works()
    alice.never_saw("ok")


# The HTTP side.

async def test_healthz_answers_200(chat):
    status, _, _ = await http(chat.server.port, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert status == 200


@pytest.mark.parametrize("path", ["/", "/nothing", "/v1/ws/more", "/v2/ws", "/healthz/x"])
async def test_an_unknown_path_is_404(chat, path):
    status, _, _ = await http(chat.server.port, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
    assert status == 404
    status, _, _ = await http(chat.server.port, upgrade_head(path))
    assert status == 404


async def test_the_json_subprotocol_is_chosen_when_offered(chat):
    device = await chat.connect("alice", subprotocols=["chatcore.v1.json"])
    assert device.subprotocol == "chatcore.v1.json"


async def test_json_is_chosen_among_several_offers(chat):
    device = await chat.connect("alice", subprotocols=["graphql-ws", "chatcore.v1.json"])
    assert device.subprotocol == "chatcore.v1.json"


async def test_no_subprotocol_is_answered_when_none_was_offered(chat):
    device = await chat.connect("alice")
    assert device.subprotocol is None


async def test_an_unknown_subprotocol_is_never_chosen(chat):
    status, headers, _ = await http(chat.server.port, upgrade_head(
        f"/v1/ws?user={chat.name('alice')}&device=phone", Sec_WebSocket_Protocol="soap.v9"))
    assert status == 101 or 400 <= status < 500
    assert "sec-websocket-protocol" not in headers


async def test_the_handshake_answer_is_the_one_rfc_6455_prints(chat):
    status, headers, _ = await http(chat.server.port, upgrade_head(
        "/v1/ws?user=x&device=y", Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ=="))
    assert status == 101
    assert headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


async def test_header_names_and_tokens_are_taken_in_any_case_and_in_lists(chat):
    key = "dGhlIHNhbXBsZSBub25jZQ=="
    status, _, _ = await http(chat.server.port, (
        "GET /v1/ws?user=x2&device=y HTTP/1.1\r\nhOST: x\r\nUPGRADE: WebSocket\r\n"
        f"connection: keep-alive, upgrade\r\nsec-websocket-KEY:{key}\r\nSec-WebSocket-Version:  13 \r\n\r\n"))
    assert status == 101


BAD_HEADS = {
    "no key": upgrade_head(Sec_WebSocket_Key=None),
    "a key that is not 16 bytes": upgrade_head(Sec_WebSocket_Key="c2hvcnQ="),
    "no version": upgrade_head(Sec_WebSocket_Version=None),
    "version 8": upgrade_head(Sec_WebSocket_Version="8"),
    "no upgrade": upgrade_head(Upgrade=None),
    "another upgrade": upgrade_head(Upgrade="h2c"),
    "no connection header": upgrade_head(Connection=None),
    "no host": upgrade_head(Host=None),
    "a post": upgrade_head().replace(b"GET", b"POST", 1),
    "no http": b"hello there\r\n\r\n",
    "http 1.0": upgrade_head().replace(b"HTTP/1.1", b"HTTP/1.0", 1),
    "a header without a colon": upgrade_head().replace(b"Host: ", b"Host ", 1),
    "a space before the colon": upgrade_head().replace(b"Host:", b"Host :", 1),
    "a very long head": upgrade_head(X="y" * 200_000),
    "very many headers": upgrade_head().replace(b"\r\n\r\n", b"\r\n" + b"a: b\r\n" * 20_000 + b"\r\n"),
}


@pytest.mark.parametrize("name", BAD_HEADS)
async def test_a_bad_handshake_is_refused_and_harms_nobody(chat, name):
    bystander = await chat.connect("bystander")
    try:
        status, headers, _ = await http(chat.server.port, BAD_HEADS[name])
        assert 400 <= status < 600 and status not in (500, 503)
        if name == "version 8":
            assert (status, headers.get("sec-websocket-version")) == (426, "13")
    except (asyncio.IncompleteReadError, ConnectionError):
        assert name in ("no http", "a very long head", "very many headers"), "a named answer is owed"
    await bystander.still_works()


async def test_a_handshake_may_come_byte_by_byte(chat):
    reader, writer = await asyncio.open_connection("127.0.0.1", chat.server.port)
    for byte in upgrade_head(f"/v1/ws?user={chat.name('alice')}&device=slow"):
        writer.write(bytes([byte]))
        await asyncio.sleep(0)
    assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 101")
    writer.close()


async def test_a_connection_that_says_nothing_harms_nobody(chat):
    reader, writer = await asyncio.open_connection("127.0.0.1", chat.server.port)
    bystander = await chat.connect("bystander")
    await bystander.still_works()
    writer.close()


async def test_a_frame_sent_together_with_the_handshake_is_not_lost(chat):
    from raw import TEXT, frame, read_response
    reader, writer = await asyncio.open_connection("127.0.0.1", chat.server.port)
    writer.write(upgrade_head(f"/v1/ws?user={chat.name('alice')}&device=eager")
                 + frame(TEXT, '{"type":"presence.ping","id":"eager"}'))
    status, _, _ = await asyncio.wait_for(read_response(reader), 5)
    assert status == 101
    socket = RawSocket(reader, writer)
    assert (await socket.expect("presence.pong"))["id"] == "eager"
    socket.close()
