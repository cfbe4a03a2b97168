"""A device that keeps what it is told, as clients do, and the ways in which it catches up."""

from device import new_id
from model import ACCOUNT_CHANGES, LIVE, Account, Log, event_in

ACCOUNT = {"contacts", "blocks", "profile"}


class KeptLog(Log):
    """What a device has of one conversation: from `first` on without a gap; nothing yet while `last` is None."""

    def __init__(self, first=None):
        super().__init__(first and first - 1)
        self.first = first
        self.read = 0
        self.waiting = {}

    def begin(self, first):
        self.first, self.last, self.messages = first, first - 1, {}

    def offer(self, event):
        self.waiting[event["seq"]] = event
        while self.last is not None and self.waiting and min(self.waiting) <= self.last + 1:
            event = self.waiting.pop(min(self.waiting))
            if event["seq"] > self.last:
                self.apply(event)

    def fill(self, numbers, events):
        """A number that is missing in a page holds nothing."""
        events = {event["seq"]: event for event in events}
        assert set(events) <= set(numbers), f"{list(events)} are not all in {numbers}"
        for seq in numbers:
            self.offer(events.get(seq, {"event": "void", "seq": seq}))

    def clear(self, up_to):
        self.messages = {seq: m for seq, m in self.messages.items() if seq > up_to}

    def take_page(self, entry):
        if self.last is None or self.last + 1 < entry["fromSeq"] == entry["floorSeq"]:
            self.begin(entry["fromSeq"])
        assert entry["fromSeq"] <= self.last + 1, f"nothing tells what came between {self.last} and {entry}"
        self.fill(range(entry["fromSeq"], entry["toSeq"] + 1), entry["events"])
        gone = entry.get("deletedForMe", [])
        self.messages = {seq: m for seq, m in self.messages.items() if seq >= entry["floorSeq"] and seq not in gone}
        self.read = entry["readSeq"]
        for user, cursor in entry.get("cursors", {}).items():
            self.advance(user, **cursor)


class Follower:
    def __init__(self, chat, name, device_name, way):
        self.chat, self.name, self.device_name, self.way = chat, name, device_name, way
        self.user = chat.name(name)
        self.device = self.token = None
        self.logs = {}
        self.account = Account()
        self.unknown = set()  # of the account: to be fetched

    def __str__(self):
        return f"{self.name}/{self.device_name}"

    async def come(self, limit, pages=1000):
        self.device = await self.chat.connect(self.name, self.device_name)
        self.heard, self.asked = 0, {}
        await self.way(self, limit, pages)
        await self.fetch_account()

    async def fetch_account(self):
        self.listen()
        for section in self.unknown & {"contacts", "blocks"}:
            page = await self.device.ask(f"{section}.list", f"{section}.page")
            setattr(self.account, section, set(page["users"]))
        if "profile" in self.unknown:
            self.account.profile = (await self.device.ask("profile.get", "profile"))["displayName"]
        self.unknown = set()

    def go(self):
        self.listen()
        self.device.cut()
        self.device = None

    async def send(self, command):
        id = new_id("c")
        self.asked[id] = command
        await self.device.send(command.type, id=id, **command.fields)
        return id

    async def do(self, command):
        return await self.device.answer(await self.send(command))

    def listen(self):
        """Takes in what has arrived since."""
        for frame in self.device.frames[self.heard:]:
            self.hear(frame, frame["type"], self.logs.get(frame.get("conversationId")))
        self.heard = len(self.device.frames)

    def hear(self, frame, type, log):
        if type in LIVE:
            self.take(event_in(frame))
        elif type == "message.sent":
            self.take(self.asked[frame["id"]].event(frame))
        elif type == "sync.page":
            self.take_page(frame)
        elif type in ("contacts.changed", "blocks.changed") or type == "profile" and "id" not in frame:
            self.account.take(type, frame)
        elif type == "ok":
            self.take_own(self.asked[frame["id"]])
        elif log and type == "sync.reset":
            del self.logs[frame["conversationId"]]
        elif log and type == "sync.read":
            log.read = max(log.read, frame["lastReadSeq"])
        elif log and type == "sync.deleted":
            log.messages.pop(frame["seq"], None)
        elif log and type == "sync.cleared":
            log.clear(frame["seq"])
        elif log and type == "message.read":
            log.advance(frame["readBy"], readSeq=frame["seq"])
        elif log and type == "message.delivered":
            log.advance(frame["userId"], deliveredSeq=frame["seq"])

    def take_own(self, command):
        if command.type in ACCOUNT_CHANGES:
            return self.account.take(command.type, command.fields)
        log = self.logs[command.fields["conversationId"]]
        if command.hides:
            log.messages.pop(command.seq, None)
        elif command.type == "conversation.clear":
            log.clear(command.seq)
        elif command.type == "message.read":
            log.read = max(log.read, command.seq)

    def take(self, event):
        log = self.logs.setdefault(event["conversationId"], KeptLog())
        what_of_me = event.get("op") if self.user in event.get("userIds", []) else None
        if what_of_me in ("removed", "left"):
            del self.logs[event["conversationId"]]
            return
        if log.last is None and (event["seq"] == 1 or what_of_me == "added"):
            log.begin(event["seq"])
        log.offer(event)

    def take_page(self, page):
        self.unknown |= set(page.get("account", []))
        for entry in page["conversations"]:
            if entry.get("removed"):
                self.logs.pop(entry["conversationId"], None)
            else:
                self.logs.setdefault(entry["conversationId"], KeptLog()).take_page(entry)
        self.token = page["token"]


async def by_watermarks(follower, limit, pages):
    follower.unknown |= ACCOUNT
    watermarks = {id: log.last for id, log in follower.logs.items() if log.last is not None}
    await rest_of(await follower.device.sync(watermarks, limit=limit), follower, limit, pages)


async def by_token(follower, limit, pages):
    answer = {"type": "sync.reset"}
    if follower.token is not None:
        answer = await follower.device.request("sync", since=follower.token, limit=limit)
    if answer["type"] == "sync.reset":
        return await by_watermarks(follower, limit, pages)
    await rest_of(answer, follower, limit, pages)


async def rest_of(page, follower, limit, pages):
    assert page["type"] == "sync.page", page.raw
    while page["more"] and (pages := pages - 1):
        page = await follower.device.sync(since=page["token"], limit=limit)
    follower.listen()


# What a server has to offer for a way to be gone.
NEEDS = {by_watermarks: "sync", by_token: "token-sync"}
