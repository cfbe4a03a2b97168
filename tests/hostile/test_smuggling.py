"""CWE-444, CWE-113, CWE-20; the classes of CVE-2019-18277 and CVE-2020-7238: requests that a front proxy and this
server could read differently. Each is refused with a plain answer and the connection is over: whatever follows on it
is never read as a request of its own."""

import asyncio

import pytest

from device import Chat
from raw import http, read_response, upgrade_head

HIDDEN = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


def upgrade(*more):
    """An upgrade with more header lines, and a second request behind it."""
    head = upgrade_head("/v1/ws?user=smuggler&device=d")
    return head[:-2] + b"".join(line + b"\r\n" for line in more) + b"\r\n"


def plain(method, *headers, body=b""):
    return method + b" /healthz HTTP/1.1\r\nHost: x\r\n" + b"".join(h + b"\r\n" for h in headers) + b"\r\n" + body


SHAPES = {
    "two content-lengths that differ": plain(b"POST", b"Content-Length: 0", b"Content-Length: 35", body=HIDDEN),
    "two content-lengths that agree": plain(b"POST", b"Content-Length: 35", b"Content-Length: 35", body=HIDDEN),
    "a list of content-lengths": plain(b"POST", b"Content-Length: 35, 35", body=HIDDEN),
    "content-length and transfer-encoding":
        plain(b"POST", b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + HIDDEN),
    "transfer-encoding and content-length":
        plain(b"POST", b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n" + HIDDEN),
    "transfer-encoding alone": plain(b"POST", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + HIDDEN),
    "an obfuscated transfer-encoding": plain(b"POST", b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n" + HIDDEN),
    "transfer-encoding with a tab": plain(b"POST", b"Transfer-Encoding:\tchunked", body=b"0\r\n\r\n" + HIDDEN),
    "transfer-encoding twice":
        plain(b"POST", b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=b"0\r\n\r\n" + HIDDEN),
    "a signed content-length": plain(b"POST", b"Content-Length: +35", body=HIDDEN),
    "a negative content-length": plain(b"POST", b"Content-Length: -1", body=HIDDEN),
    "a content-length in hex": plain(b"POST", b"Content-Length: 0x23", body=HIDDEN),
    "a content-length beyond 64 bits": plain(b"POST", b"Content-Length: 18446744073709551651", body=HIDDEN),
    "an empty content-length": plain(b"POST", b"Content-Length:", body=HIDDEN),
    "a get with a body": plain(b"GET", b"Content-Length: 35", body=HIDDEN),
    "bare line feeds": plain(b"GET").replace(b"\r\n", b"\n") + HIDDEN,
    "one bare line feed": b"GET /healthz HTTP/1.1\r\nHost: x\nX: y\r\n\r\n" + HIDDEN,
    "a bare carriage return": b"GET /healthz HTTP/1.1\r\nHost: x\rX: y\r\n\r\n" + HIDDEN,
    "a folded header": plain(b"GET", b"X: a", b" Transfer-Encoding: chunked") + HIDDEN,
    "a folded first header": b"GET /healthz HTTP/1.1\r\n Host: x\r\nHost: y\r\n\r\n" + HIDDEN,
    "a space before the colon": plain(b"GET", b"Content-Length : 35") + HIDDEN,
    "a tab before the colon": plain(b"GET", b"Content-Length\t: 35") + HIDDEN,
    "a control byte in a name": plain(b"GET", b"X\x0b: a") + HIDDEN,
    "a zero byte in a value": plain(b"GET", b"X: a\x00b") + HIDDEN,
    "an empty header name": plain(b"GET", b": a") + HIDDEN,
    "two hosts": plain(b"GET", b"Host: y") + HIDDEN,
    "two spaces in the request line": b"GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + HIDDEN,
    "a tab in the request line": b"GET\t/healthz HTTP/1.1\r\nHost: x\r\n\r\n" + HIDDEN,
    "a whole address as the target": b"GET http://other/healthz HTTP/1.1\r\nHost: x\r\n\r\n" + HIDDEN,
    "http 0.9": b"GET /healthz\r\n\r\n" + HIDDEN,
    "http 1.10": b"GET /healthz HTTP/1.10\r\nHost: x\r\n\r\n" + HIDDEN,
    "http 2 on this port": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + HIDDEN,
    "an upgrade with a length": upgrade(b"Content-Length: 35") + HIDDEN,
    "an upgrade with chunks": upgrade(b"Transfer-Encoding: chunked") + b"0\r\n\r\n" + HIDDEN,
    "an upgrade with two keys": upgrade(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==") + HIDDEN,
    "two authorizations": upgrade(b"Authorization: Bearer a", b"Authorization: Bearer b") + HIDDEN,
    "an empty line first": b"\r\n" + plain(b"GET") + HIDDEN,
}


async def everything(port, request):
    """All bytes that come back until the server ends the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    try:
        return await asyncio.wait_for(reader.read(), 5)
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize("name", SHAPES)
async def test_an_ambiguous_request_is_refused_and_what_is_behind_it_is_never_answered(chat, name):
    answer = await everything(chat.server.port, SHAPES[name])
    assert answer.startswith(b"HTTP/1.1 "), answer
    status = int(answer.split(b" ")[1])
    assert 400 <= status < 600 and status != 500, answer
    assert answer.count(b"Content-Length: ") == 1 and b"200 OK" not in answer, "the hidden request was answered"
    assert b"close" in answer.split(b"\r\n\r\n")[0]


async def test_a_request_behind_a_good_one_is_never_answered(chat):
    answer = await everything(chat.server.port, HIDDEN * 5)
    assert answer.startswith(b"HTTP/1.1 200") and answer.count(b"200 OK") == 1


@pytest.mark.parametrize("count,status", [(50, 101), (80, 431), (600, 431)])
async def test_the_number_of_headers_is_bounded(chat, count, status):
    got, _, _ = await http(chat.server.port, upgrade(*[b"X-%d: y" % i for i in range(count)]))
    assert got == status


@pytest.mark.parametrize("size,status", [(6000, 101), (9000, 431), (120_000, 431)])
async def test_the_size_of_the_head_is_bounded(chat, size, status):
    try:
        got, _, _ = await http(chat.server.port, upgrade(b"X: " + b"y" * size))
        assert got == status
    except (asyncio.IncompleteReadError, ConnectionError):
        assert size > 100_000, "a named answer is owed"


async def test_a_target_without_end_is_refused(chat):
    got, _, _ = await http(chat.server.port, upgrade_head("/v1/ws?" + "u" * 8200))
    assert got == 414


async def test_origins_that_are_not_listed_are_refused(start_server):
    """CWE-1385: a page of somebody else's, in a browser that is signed in here."""
    server = start_server("--origin", "https://chat.example.com", "--origin", "https://example.com:8443")
    for origin, status in {
        "https://chat.example.com": 101, "https://example.com:8443": 101, None: 101,
        "https://example.com": 403, "http://chat.example.com": 403, "https://chat.example.com.evil.com": 403,
        "https://evil.com": 403, "null": 403, "https://CHAT.example.com": 403, "https://chat.example.com/": 403,
    }.items():
        got, _, _ = await http(server.port, upgrade_head("/v1/ws?user=o&device=d", Origin=origin))
        assert got == status, origin
    chat = Chat(server)
    alice = await chat.connect("alice")
    await alice.still_works()
    await chat.close()


async def test_two_origins_in_one_request_are_refused(start_server):
    server = start_server("--origin", "https://chat.example.com")
    head = upgrade_head("/v1/ws?user=o&device=d", Origin="https://chat.example.com")
    head = head[:-2] + b"Origin: https://evil.com\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(head)
    status, _, _ = await read_response(reader)
    writer.close()
    assert 400 <= status < 500


async def test_an_origin_flag_that_is_none_is_explained(tmp_path):
    import subprocess
    import os
    ended = subprocess.run([os.environ["CHAT_SERVER"], "--data", str(tmp_path / "d"), "--dev-auth", "--origin", "x"],
                           capture_output=True, timeout=5)
    assert ended.returncode == 2 and b"--origin" in ended.stderr
