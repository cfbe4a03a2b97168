"""Hostile clients in processes of their own, so that what they cost is not measured as the server's."""

import asyncio
import multiprocessing
import select
import socket
import struct
import time

_spawn = multiprocessing.get_context("spawn")


async def in_processes(work, arguments):
    """Runs `work(*argument)` in a process for each argument; their results in order."""
    pool = _spawn.Pool(len(arguments))
    try:
        return await asyncio.to_thread(pool.starmap, work, arguments)
    finally:
        pool.terminate()
        pool.join()


def connect(port, source=None, reset=True):
    """A blocking socket. `source`: an address of 127/8 to come from, so that ports do not run out; `reset`: closing
    it leaves nothing behind in the kernel."""
    made = socket.socket()
    made.settimeout(20)
    if source is not None:
        # The port is chosen at connect, by the whole pair of addresses.
        made.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
        made.bind((source, 0))
    if reset:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    made.connect(("127.0.0.1", port))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def text_frame(payload):
    """Masked with zeros: as good as any mask to the server, and cheap here."""
    size = len(payload)
    if size < 126:
        return b"\x81" + bytes([0x80 | size]) + b"\0\0\0\0" + payload
    return b"\x81\xfe" + struct.pack(">H", size) + b"\0\0\0\0" + payload


def read_until(made, wanted, held=b""):
    while wanted not in held:
        piece = made.recv(65536)
        if not piece:
            raise ConnectionError(f"closed before {wanted}: {held}")
        held += piece
    return held


class Frames:
    """The server's frames on a blocking socket, after the handshake."""

    def __init__(self, made, held=b""):
        self.made = made
        self.held = held

    def __iter__(self):
        return self

    def __next__(self):
        """(opcode, payload); StopIteration when the stream ends."""
        while True:
            if len(self.held) >= 2:
                size, at = self.held[1] & 0x7F, 2
                if size == 126 and len(self.held) >= 4:
                    (size,), at = struct.unpack(">H", self.held[2:4]), 4
                elif size == 127 and len(self.held) >= 10:
                    (size,), at = struct.unpack(">Q", self.held[2:10]), 10
                elif size >= 126:
                    size = 1 << 40
                if len(self.held) >= at + size:
                    found = self.held[0] & 0x0F, self.held[at:at + size]
                    self.held = self.held[at + size:]
                    return found
            try:
                piece = self.made.recv(1 << 16)
            except ConnectionError:
                piece = b""
            if not piece:
                raise StopIteration
            self.held += piece


UPGRADE = ("GET /v1/ws?user={user}&device={device} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")


def open_session(port, user, device, source=None):
    """A socket whose welcome has been read."""
    made = connect(port, source)
    made.sendall(UPGRADE.format(user=user, device=device).encode())
    held = read_until(made, b'"type":"welcome"')
    frames = Frames(made, held.split(b"\r\n\r\n", 1)[1])
    next(frames)
    return made, frames


SLICES = 20  # of a second


def drip(port, count, seconds, source):
    """Half-open handshakes, each a byte a second. Returns how long each was let live."""
    head = UPGRADE.format(user="drip", device="d").encode()
    live = {}
    ages = []
    answers = select.epoll()
    began = time.monotonic()
    for number in range(count):
        made = connect(port, source)
        made.setblocking(False)
        made.send(head[:1])
        answers.register(made, select.EPOLLIN)
        live[made.fileno()] = (made, number % SLICES, time.monotonic())
    opened = time.monotonic() - began
    for turn in range(seconds * SLICES):
        send_to_slice(live, turn % SLICES, head[turn // SLICES + 1:][:1])
        while (left := began + opened + (turn + 1) / SLICES - time.monotonic()) > 0 and live:
            for number, _ in answers.poll(left):
                if not ended(live[number][0]):
                    continue
                made, _, since = live.pop(number)
                ages.append(time.monotonic() - since)
                made.close()
    return opened, ages, len(live)


def send_to_slice(live, chosen, byte):
    """Each at a time of its own, as many clients do."""
    for made, part, _ in live.values():
        if part == chosen:
            try:
                made.send(byte)
            except OSError:
                pass


def ended(connection):
    try:
        return connection.recv(1000) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
