"""A device: one WebSocket connection (python3-websockets) that remembers what it was sent."""

import asyncio
import base64
import collections
import hashlib
import itertools
import json
from urllib.parse import urlencode

import websockets

WAIT = 5.0
RETRY_SECONDS = 0.05
TRY_AGAIN_LATER = 4004
counter = itertools.count(1)


def direct_id(a, b):
    """`dm.` + base32(BLAKE2b-160(min ‖ 0x00 ‖ max)), lower case, no padding."""
    low, high = sorted([a.encode(), b.encode()])
    digest = hashlib.blake2b(low + b"\0" + high, digest_size=20).digest()
    return "dm." + base64.b32encode(digest).decode().lower().rstrip("=")


def new_id(prefix="u"):
    return f"{prefix}-{next(counter)}"


def members_of(data):
    """User ids of a `members` list, whether plain ids or objects."""
    return {m["userId"] if isinstance(m, dict) else m for m in data["members"]}


def seqs(events):
    return [event["seq"] for event in events]


class Frame(dict):
    """A frame's object, with the text it came as."""

    raw = ""


class Closed(AssertionError):
    pass


class Device:
    patience = staticmethod(lambda: None)  # the longest it waits for anything, whatever is asked for
    tries = 1  # how often a request is made that fails for now

    def __init__(self, label, socket):
        self.label = label
        self.unanswered = collections.Counter()  # ids of requests
        self.user = None
        self.frames = []
        self.close_code = None
        self.close_reason = None
        self.welcome = None
        self.log = []
        self._pending = []
        self._ids = itertools.count(1)
        self._socket = socket
        self._changed = asyncio.Event()
        self._gone = asyncio.Event()
        self._reader = asyncio.ensure_future(self._read())

    @property
    def subprotocol(self):
        return self._socket.subprotocol

    async def _read(self):
        try:
            async for text in self._socket:
                assert isinstance(text, str), "the server sent a binary frame to a JSON client"
                frame = Frame(json.loads(text))
                frame.raw = text
                self.unanswered[id_of(frame)] -= 1
                self.frames.append(frame)
                self._pending.append(frame)
                self.log.append("S " + text[:400])
                self._changed.set()
        except (websockets.ConnectionClosed, OSError):
            pass
        finally:
            self.close_code = self._socket.close_code
            self.close_reason = self._socket.close_reason
            self.log.append(f"closed {self.close_code} {self.close_reason}")
            self._gone.set()
            self._changed.set()

    async def close(self):
        await asyncio.wait_for(self._socket.close(), WAIT)
        await asyncio.wait_for(self._gone.wait(), WAIT)

    def cut(self):
        """Drops the TCP connection without a closing handshake."""
        self._socket.transport.abort()

    async def closed(self, timeout=WAIT):
        """Waits until the connection has ended; returns its code and reason."""
        await asyncio.wait_for(self._gone.wait(), timeout)
        return self.close_code, self.close_reason

    async def send_raw(self, text):
        self.log.append("C " + (text if isinstance(text, str) else repr(text))[:400])
        self.unanswered[id_of(parsed(text))] += 1
        await self._socket.send(text)

    async def send(self, type, **fields):
        await self.send_raw(json.dumps({"type": type, **fields}, ensure_ascii=False, separators=(",", ":")))

    async def ping(self):
        waiter = await self._socket.ping()
        await asyncio.wait_for(waiter, WAIT)

    async def everything_answered(self, timeout):
        """The ids of requests that are not answered within that time, on a connection that is still there."""
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            missing = [id for id, count in self.unanswered.items() if count > 0 and id is not None]
            if not missing or self._gone.is_set() or asyncio.get_running_loop().time() > deadline:
                return [] if self._gone.is_set() else missing
            await asyncio.sleep(0.01)

    async def _wait_for(self, wanted, timeout, what):
        timeout = min(timeout, self.patience() or timeout)
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            for frame in self._pending:
                if wanted(frame):
                    self._pending.remove(frame)
                    return frame
            left = deadline - asyncio.get_running_loop().time()
            if self._gone.is_set():
                raise Closed(f"{self.label}: closed {self.close_code} {self.close_reason!r} "
                             f"while waiting for {what}")
            if left <= 0:
                raise AssertionError(f"{self.label}: no {what} within {timeout} s; unmatched: "
                                     f"{[f.raw[:200] for f in self._pending[-8:]]}")
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), left)
            except asyncio.TimeoutError:
                pass

    async def expect(self, type, timeout=WAIT, where=None, **matching):
        """The first unmatched frame of this type with these fields (of the frame or of its `data`)."""
        return await self._wait_for(matcher(type, where, matching), timeout, f"{type} {matching or ''}")

    async def expect_nothing(self, type, within=0.3, where=None, **matching):
        try:
            frame = await self.expect(type, within, where, **matching)
        except Closed:
            return
        except AssertionError:
            return
        raise AssertionError(f"{self.label}: did not expect {frame.raw}")

    def never_saw(self, type, **matching):
        """Asserts about all frames so far, for use after something later has been seen."""
        found = [f.raw for f in self.frames if matcher(type, None, matching)(f)]
        assert not found, f"{self.label}: did not expect {found}"

    async def request(self, type, timeout=WAIT, **fields):
        """Sends with an `id`; returns the answer that repeats it, whatever its type."""
        fields.setdefault("id", next(self._ids))
        for again in reversed(range(self.tries)):
            await self.send(type, **fields)
            frame = await self.answer(fields["id"], timeout)
            if again == 0 or frame.get("code") != "unavailable":
                return frame
            await asyncio.sleep(RETRY_SECONDS)

    async def answer(self, id, timeout=WAIT):
        def wanted(frame):
            return "id" in frame and frame["id"] == id and isinstance(frame["id"], type(id))
        return await self._wait_for(wanted, timeout, f"answer to id {id!r}")

    async def ask(self, type, answer, timeout=WAIT, **fields):
        """A request whose answer must be of the named type."""
        frame = await self.request(type, timeout, **fields)
        assert frame["type"] == answer, f"{self.label}: {type} was answered {frame.raw}"
        return frame

    async def ok(self, type, **fields):
        return await self.ask(type, "ok", **fields)

    async def change(self, type, answer, **fields):
        """A command that makes an event of a conversation: the acting device's copy carries the id."""
        fields.setdefault("clientMsgId", new_id())
        return (await self.ask(type, answer, **fields))["data"]

    async def refused(self, code, type, **fields):
        """A request that must be answered with an error of this code (or one of these)."""
        frame = await self.ask(type, "error", **fields)
        return check_error(frame, code)

    async def say(self, content="hi", *, to=None, conversation=None, **fields):
        """Sends a message and waits for ✓."""
        if to is not None:
            fields["to"] = to
        if conversation is not None:
            fields["conversationId"] = conversation
        fields.setdefault("clientMsgId", new_id())
        return await self.ask("message.send", "message.sent", content=content, **fields)

    async def say_many(self, contents, **where):
        """Sends all at once, then waits for every ✓; returns them in order."""
        where = {"to" if k == "to" else "conversationId": v for k, v in where.items()}
        ids = []
        for content in contents:
            ids.append(next(self._ids))
            await self.send("message.send", id=ids[-1], clientMsgId=new_id(), content=content, **where)
        answers = [await self.answer(id, 10) for id in ids]
        assert {a["type"] for a in answers} == {"message.sent"}, [a for a in answers if a["type"] == "error"][:3]
        return answers

    async def create_group(self, conversation, members, **fields):
        return await self.change("conversation.create", "conversation.created", conversationId=conversation,
                                 members=members, **{"name": "Family", **fields})

    async def add(self, conversation, *users):
        return await self.change("conversation.addMembers", "conversation.member", conversationId=conversation,
                                 members=list(users))

    async def remove(self, conversation, *users):
        return await self.change("conversation.removeMembers", "conversation.member",
                                 conversationId=conversation, members=list(users))

    async def set_role(self, conversation, user, role):
        return await self.change("conversation.setRole", "conversation.member", conversationId=conversation,
                                 userId=user, role=role)

    async def leave(self, conversation):
        return await self.change("conversation.leave", "conversation.member", conversationId=conversation)

    async def sync(self, watermarks=None, **fields):
        if watermarks is not None:
            fields["watermarks"] = watermarks
        return await self.ask("sync", "sync.page", **fields)

    async def history(self, conversation, **fields):
        return await self.ask("history", "history.page", conversationId=conversation, **fields)

    async def whole_history(self, conversation, after=0):
        """Every event after a seq, oldest first, page by page."""
        events = []
        for _ in range(1000):
            page = await self.history(conversation, after=after, limit=100)
            events += page["events"]
            if not page["more"]:
                return events
            assert page["toSeq"] > after, "a page with more:true must advance"
            after = page["toSeq"]
        raise AssertionError("history never ended")

    async def conversations(self, **fields):
        return await self.ask("conversations.list", "conversations.page", **fields)

    async def listed(self, conversation):
        """This conversation's entry of the list, or None."""
        page = await self.conversations()
        return next((c for c in page["conversations"] if c["conversationId"] == conversation), None)

    async def synced(self, conversation, watermark=None):
        """This conversation's entry of a fresh sync, or None."""
        page = await self.sync({} if watermark is None else {conversation: watermark})
        return next((c for c in page["conversations"] if c["conversationId"] == conversation), None)

    async def still_works(self):
        await self.ask("presence.ping", "presence.pong")


def without_repetition(pairs):
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key comes twice")
    return dict(pairs)


def parsed(text):
    try:
        return json.loads(text, object_pairs_hook=without_repetition)
    except (ValueError, RecursionError):
        return None


def id_of(frame):
    """What an answer repeats of a request; None where there is nothing to be repeated."""
    id = frame.get("id") if isinstance(frame, dict) and isinstance(frame.get("type"), str) else None
    valid = isinstance(id, str) and len(id.encode()) <= 64 or type(id) is int and 0 <= id < 1 << 64
    return id if valid else None


def matcher(type, where, matching):
    def wanted(frame):
        if frame.get("type") != type:
            return False
        data = frame.get("data", {})
        for key, value in matching.items():
            if (frame[key] if key in frame else data.get(key)) != value:
                return False
        return where is None or where(frame)
    return wanted


def check_error(frame, code):
    codes = (code,) if isinstance(code, str) else code
    assert frame["type"] == "error" and frame["code"] in codes, f"expected {codes}, got {frame.raw}"
    assert isinstance(frame["message"], str) and frame["message"]
    assert isinstance(frame["temporary"], bool)
    return frame


class Chat:
    """The devices of one test. `alice` in a test is a different user in every test."""

    all = []  # of the test that runs

    def __init__(self, server, suffix=None):
        Chat.all.append(self)
        self.server = server
        self.suffix = suffix or str(next(counter))
        self.devices = []

    def name(self, base):
        return f"{base}.{self.suffix}"

    async def connect(self, user, device="phone", **options):
        """A device of `user` (made unique) with its welcome."""
        query = urlencode({"user": self.name(user), "device": device})
        for again in reversed(range(Device.tries)):
            connected = await self.open(query, label=f"{user}/{device}", **options)
            try:
                connected.welcome = await connected.expect("welcome")
                break
            except Closed:
                if again == 0 or connected.close_code != TRY_AGAIN_LATER:
                    raise
                await asyncio.sleep(RETRY_SECONDS)
        connected.user = connected.welcome["userId"]
        return connected

    async def connect_all(self, *users):
        return await asyncio.gather(*[self.connect(user) for user in users])

    async def open(self, query="", label="?", **options):
        """A connection of which nothing is expected yet."""
        socket = await asyncio.wait_for(
            websockets.connect(self.server.url(query), compression=None, ping_interval=None,
                               max_size=1 << 24, close_timeout=2, **options), WAIT)
        device = Device(label, socket)
        self.devices.append(device)
        return device

    async def close(self):
        for device in self.devices:
            device.cut()
        for device in self.devices:
            await asyncio.wait_for(device._gone.wait(), WAIT)

    def transcript(self, lines=30):
        parts = []
        for device in self.devices:
            parts.append(f"-- {device.label}")
            parts += device.log[-lines:]
        return "\n".join(parts)
