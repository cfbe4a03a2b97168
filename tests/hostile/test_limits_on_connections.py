"""CWE-770, CWE-400: connections are counted: in the process, by remote address, by user."""

import asyncio

from device import Chat
from raw import RawSocket, http, upgrade_head
from watch import settled


async def refused(port, address="127.0.0.1"):
    """The status with which a new connection is turned away, though its request comes late."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    await asyncio.sleep(0.05)
    writer.write(upgrade_head("/v1/ws?user=late&device=d"))
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        return int(head.split(b" ")[1]), b"Retry-After: 1" in head
    finally:
        writer.close()


async def opened(port, user, address):
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    writer.write(upgrade_head(f"/v1/ws?user={user}&device=d"))
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    assert head.startswith(b"HTTP/1.1 101"), head
    return RawSocket(reader, writer)


async def test_the_process_takes_so_many_and_says_503_to_the_rest(start_server):
    server = start_server("--max-connections", "20", shards=2)
    sockets = [await RawSocket.connect(server.port, f"u{i}") for i in range(18)]
    waiting = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(2)]  # no request yet
    await asyncio.sleep(0.05)
    for _ in range(30):
        assert await refused(server.port) == (503, True)
    sockets[0].send("presence.ping")
    await sockets[0].expect("presence.pong")
    for _, writer in waiting:
        writer.close()
    sockets.pop().close()
    await settled(server, connections=17)
    again = [await RawSocket.connect(server.port, f"v{i}") for i in range(3)]
    assert await refused(server.port) == (503, True)
    for socket in sockets + again:
        socket.close()
    await settled(server, connections=0)


async def test_one_address_has_so_many_and_429_for_the_rest_and_others_come_in(start_server):
    server = start_server("--max-connections-per-address", "5", shards=2)
    sockets = [await opened(server.port, f"u{i}", "127.0.0.9") for i in range(5)]
    for _ in range(20):
        assert await refused(server.port, "127.0.0.9") == (429, True)
    others = [await opened(server.port, f"o{i}", f"127.0.0.{20 + i}") for i in range(20)]
    sockets[0].send("presence.ping")
    await sockets[0].expect("presence.pong")
    sockets.pop().close()
    await settled(server, connections=24)
    sockets.append(await opened(server.port, "u9", "127.0.0.9"))
    assert await refused(server.port, "127.0.0.9") == (429, True)
    for socket in sockets + others:
        socket.close()
    await settled(server, connections=0)


async def test_those_that_are_refused_do_not_pile_up(start_server):
    server = start_server("--max-connections", "1", shards=1)
    only = await RawSocket.connect(server.port, "u")
    for _ in range(20):
        await asyncio.gather(*[turned_away(server.port) for _ in range(100)])
    only.send("presence.ping")
    await only.expect("presence.pong")
    await settled(server, connections=1)
    only.close()


async def turned_away(port):
    """Takes its answer and its end; a lost answer is allowed for some of many at once, a connection that stays is
    not."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        answer = await asyncio.wait_for(reader.read(), 5)
        assert answer.startswith(b"HTTP/1.1 503") or answer == b"", answer
    except ConnectionError:
        pass
    finally:
        writer.close()


async def test_a_user_has_so_many_devices_and_4505_for_the_next_and_a_known_device_comes_back(start_server):
    server = start_server("--max-devices-per-user", "4", "--device-overflow", "refuse", shards=2)
    chat = Chat(server)
    devices = [await chat.connect("alice", f"d{i}") for i in range(4)]
    for i in range(10):
        extra = await chat.open(f"user={devices[0].user}&device=x{i}")
        assert await extra.closed() == (4505, "too_many_devices")
    bob = await chat.connect("bob")
    again = await chat.connect("alice", "d2")  # replaces its older connection
    assert (await devices[2].closed())[0] == 4502
    await devices[0].close()
    await settled(server, connections=4)
    back = await chat.connect("alice", "d0")
    for device in (devices[1], devices[3], again, back, bob):
        await device.still_works()
    await chat.close()


async def test_new_devices_by_the_hundred_leave_a_user_with_so_many(start_server):
    server = start_server("--max-devices-per-user", "4", shards=2)
    chat = Chat(server)
    for i in range(100):
        device = await chat.connect("alice", f"d{i}")
    await settled(server, connections=4)
    assert len((await device.ask("devices.list", "devices.page"))["devices"]) == 4
    await chat.close()


async def test_health_is_answered_within_the_caps_only(start_server):
    server = start_server("--max-connections", "2", shards=1)
    assert (await http(server.port, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"))[0] == 200
    sockets = [await RawSocket.connect(server.port, f"u{i}") for i in range(2)]
    assert (await refused(server.port))[0] == 503
    for socket in sockets:
        socket.close()
