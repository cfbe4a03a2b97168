"""JWT authentication: HS256 with a secret file."""

import base64
import hashlib
import hmac
import json
import time

import pytest

from device import Chat

SECRET = b"0123456789abcdef0123456789abcdef-a-secret"


def b64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def token(secret=SECRET, algorithm="HS256", **claims):
    head = b64(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())
    body = b64(json.dumps({"exp": int(time.time()) + 600, **claims}).encode())
    if algorithm == "none":
        return f"{head}.{body}."
    digest = {"HS256": hashlib.sha256, "HS512": hashlib.sha512}[algorithm]
    return f"{head}.{body}." + b64(hmac.new(secret, f"{head}.{body}".encode(), digest).digest())


@pytest.fixture
def chat(start_server, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    secret.chmod(0o600)
    return Chat(start_server("--jwt-secret-file", str(secret), auth=None))


async def test_each_way_to_show_a_token_is_accepted(chat):
    bearer = {"Authorization": "Bearer " + token(sub="alice", dev="phone")}
    by_header = await chat.open(extra_headers=bearer)
    welcome = await by_header.expect("welcome")
    assert (welcome["userId"], welcome["deviceId"]) == ("alice", "phone")

    by_query = await chat.open("access_token=" + token(sub="bob") + "&device=tablet")
    welcome = await by_query.expect("welcome")
    assert (welcome["userId"], welcome["deviceId"]) == ("bob", "tablet")

    by_hello = await chat.open()
    await by_hello.send("hello", token=token(sub="carol"), deviceId="laptop", platform="web", protocol=1, caps=[])
    welcome = await by_hello.expect("welcome")
    assert (welcome["userId"], welcome["deviceId"]) == ("carol", "laptop")

    await by_header.say("hi", to="carol")
    await by_hello.expect("message.new", senderId="alice")


async def test_the_tokens_device_wins_over_the_querys(chat):
    device = await chat.open("access_token=" + token(sub="alice", dev="phone") + "&device=other")
    try:
        assert (await device.expect("welcome"))["deviceId"] == "phone"
    except AssertionError:
        assert device.close_code == 4500  # refusing the contradiction is right too


async def test_a_bad_token_is_upgraded_and_then_closed_4500(chat):
    good = token(sub="alice", dev="phone")
    head, body, signature = good.split(".")
    forged = b64(json.dumps({"sub": "root", "dev": "phone", "exp": int(time.time()) + 600}).encode())
    for bad in [
        token(secret=b"another secret of sufficient length!", sub="alice", dev="phone"),
        token(algorithm="none", sub="alice", dev="phone"),
        token(algorithm="HS512", sub="alice", dev="phone"),
        f"{head}.{forged}.{signature}", f"{head}.{body}.", f"{head}.{body}", "x", "..", good + "x",
        token(sub="alice", dev="phone", exp=int(time.time()) - 120),
        token(dev="phone"), token(sub="", dev="phone"), token(sub="a b", dev="phone"), token(sub=7, dev="phone"),
    ]:
        device = await chat.open("access_token=" + bad)
        code, reason = await device.closed()
        assert code in (4500, 4501) and reason.split(";")[0] in ("unauthorized", "token_expired"), bad
        device.never_saw("welcome")


async def test_development_credentials_are_not_accepted_beside_jwt(chat):
    device = await chat.open("user=alice&device=phone")
    await device.send("presence.ping")
    assert (await device.closed())[0] == 4500
    device.never_saw("welcome")


async def test_the_connection_is_closed_4501_when_its_token_expires(chat):
    device = await chat.open("access_token=" + token(sub="alice", dev="phone", exp=int(time.time()) + 3))
    await device.expect("welcome")
    code, reason = await device.closed(10)
    assert code == 4501 and reason.split(";")[0] == "token_expired"


@pytest.mark.slow
async def test_a_renewed_token_keeps_the_connection(chat):
    soon = int(time.time()) + 2
    renewing = await chat.open("access_token=" + token(sub="alice", dev="phone", exp=soon))
    idle = await chat.open("access_token=" + token(sub="bob", dev="phone", exp=soon))
    for device in (renewing, idle):
        await device.expect("welcome")
    await renewing.ok("auth.refresh", token=token(sub="alice", dev="phone"))
    assert (await idle.closed(10))[0] == 4501
    await renewing.still_works()


@pytest.mark.slow
async def test_a_renewed_token_ends_too(chat):
    device = await chat.open("access_token=" + token(sub="alice", dev="phone", exp=int(time.time()) + 600))
    await device.expect("welcome")
    await device.ok("auth.refresh", token=token(sub="alice", exp=int(time.time()) + 2))
    await device.still_works()
    assert (await device.closed(10))[0] == 4501


async def test_a_bad_renewal_is_refused_and_the_connection_stays(chat):
    device = await chat.open("access_token=" + token(sub="alice", dev="phone"))
    await device.expect("welcome")
    for bad in (token(sub="bob", dev="phone"), token(sub="alice", dev="tablet"), "garbage",
                token(sub="alice", exp=int(time.time()) - 10), token(secret=b"x" * 32, sub="alice")):
        await device.refused("unauthorized", "auth.refresh", token=bad)
    await device.still_works()


@pytest.mark.slow
async def test_the_last_of_many_renewals_counts(chat):
    def expiring(seconds):
        return token(sub="alice", dev="phone", exp=int(time.time()) + seconds)
    device = await chat.open("access_token=" + expiring(600))
    await device.expect("welcome")
    for seconds in (2, 600, 3, 600):
        await device.ok("auth.refresh", token=expiring(seconds))
    with pytest.raises(Exception):
        await device.closed(4)
    await device.still_works()
    await device.ok("auth.refresh", token=expiring(2))
    assert (await device.closed(10))[0] == 4501
