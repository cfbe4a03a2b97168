"""A WebSocket client that can break every rule, and a bare HTTP client."""

import asyncio
import base64
import json
import os
import struct

WAIT = 5.0
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def frame(opcode, payload=b"", fin=True, masked=True, reserved=0, length=None):
    """A frame's bytes; `length` overrides what its head says."""
    if isinstance(payload, str):
        payload = payload.encode()
    size = len(payload) if length is None else length
    head = bytes([(0x80 if fin else 0) | (reserved << 4) | opcode])
    bit = 0x80 if masked else 0
    if size < 126:
        head += bytes([bit | size])
    elif size < 65536:
        head += bytes([bit | 126]) + struct.pack(">H", size)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", size)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(b ^ mask[i & 3] for i, b in enumerate(payload))


async def http(port, request, timeout=WAIT):
    """Sends these bytes; returns status, headers (lower case) and what follows the head."""
    reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), timeout)
    try:
        writer.write(request if isinstance(request, bytes) else request.encode())
        return await asyncio.wait_for(read_response(reader), timeout)
    finally:
        writer.close()


async def read_response(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        if ":" in line:
            name, value = line.split(":", 1)
            headers[name.strip().lower()] = value.strip()
    body = b""
    if headers.get("content-length"):
        body = await reader.readexactly(int(headers["content-length"]))
    return int(lines[0].split(" ")[1]), headers, body


def upgrade_head(path="/v1/ws", **changes):
    """An upgrade request's bytes. Header names with `_` for `-`; a value of None leaves the header out."""
    headers = {
        "Host": "127.0.0.1", "Upgrade": "websocket", "Connection": "Upgrade",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(), "Sec-WebSocket-Version": "13",
    }
    for name, value in changes.items():
        headers[name.replace("_", "-")] = value
    lines = [f"GET {path} HTTP/1.1"] + [f"{n}: {v}" for n, v in headers.items() if v is not None]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class RawSocket:
    """After the handshake: writes any bytes, reads frames without answering them."""

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, port, query, timeout=WAIT):
        reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port, limit=1 << 22), timeout)
        writer.write(upgrade_head("/v1/ws?" + query))
        status, headers, _ = await asyncio.wait_for(read_response(reader), timeout)
        assert status == 101, (status, headers)
        assert headers["upgrade"].lower() == "websocket"
        return cls(reader, writer)

    @classmethod
    async def connect(cls, port, user, device="phone"):
        socket = await cls.open(port, f"user={user}&device={device}")
        socket.welcome = await socket.expect("welcome")
        return socket

    def write(self, data):
        self.writer.write(data)

    def send(self, type, **fields):
        self.write(frame(TEXT, json.dumps({"type": type, **fields})))

    async def read_frame(self, timeout=WAIT):
        """(fin, opcode, payload) of the server's next frame."""
        return await asyncio.wait_for(self._read_frame(), timeout)

    async def _read_frame(self):
        first, second = await self.reader.readexactly(2)
        assert not first & 0x70, "the server set a reserved bit"
        assert not second & 0x80, "the server masked a frame"
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack(">H", await self.reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack(">Q", await self.reader.readexactly(8))
        return bool(first & 0x80), first & 0x0F, await self.reader.readexactly(size)

    async def expect(self, type, timeout=WAIT):
        """The next text frame of this type; other frames are dropped."""
        async def look():
            while True:
                _, opcode, payload = await self._read_frame()
                if opcode == TEXT:
                    found = json.loads(payload)
                    if found["type"] == type:
                        return found
                assert opcode != CLOSE, f"closed {payload!r} while waiting for {type}"
        return await asyncio.wait_for(look(), timeout)

    async def close_code(self, timeout=WAIT):
        """Reads until the server's close frame; returns its code, or None for a bare end of the stream."""
        async def look():
            try:
                while True:
                    _, opcode, payload = await self._read_frame()
                    if opcode == CLOSE:
                        return struct.unpack(">H", payload[:2])[0] if len(payload) >= 2 else 1005
            except (asyncio.IncompleteReadError, ConnectionError):
                return None
        return await asyncio.wait_for(look(), timeout)

    async def ended(self, timeout=WAIT):
        """Waits until the server has closed the TCP connection."""
        async def look():
            try:
                while await self.reader.read(65536):
                    pass
            except ConnectionError:
                pass
        await asyncio.wait_for(look(), timeout)

    def close(self):
        self.writer.transport.abort()
