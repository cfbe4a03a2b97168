"""Clients that send, retry and remember: what each was promised by an acknowledgement."""

import asyncio
import json
import random

from raw import CLOSE, TEXT, RawSocket

WINDOW = 6
GROUP = "crash-group"
LOST = (OSError, EOFError, asyncio.IncompleteReadError, asyncio.TimeoutError, AssertionError)


class Promises:
    """Everything that the server has acknowledged, whatever became of the connection afterwards."""

    def __init__(self):
        self.sent = {}  # clientMsgId -> (user, where, content, conversationId, seq, messageId)
        self.unverified = {}  # conversationId -> client ids acknowledged since the log was last looked at
        self.read = {}  # (user, conversationId) -> seq
        self.delivered = {}
        self.repeated = 0  # answers to messages that had been stored by a server that was killed before it said so
        self.problems = []

    def acknowledged(self, user, message, answer, attempts):
        promise = (user, message["where"], message["content"], answer["conversationId"], answer["seq"],
                   answer["messageId"])
        if message["clientMsgId"] not in self.sent:
            self.unverified.setdefault(answer["conversationId"], []).append(message["clientMsgId"])
        known = self.sent.setdefault(message["clientMsgId"], promise)
        if known != promise:
            self.problems.append(f"acknowledged as {known}, then as {promise}")
        self.repeated += answer["duplicate"]
        if answer["duplicate"] and attempts == 1:
            self.problems.append(f"{message['clientMsgId']} was sent once and answered as a duplicate")

    def advance(self, table, user, conversation, seq):
        key = (user, conversation)
        table[key] = max(table.get(key, 0), seq)


class Writer:
    """One device of one user. Unacknowledged messages are sent again, in their order, by the next connection."""

    def __init__(self, number, users, promises, seed):
        self.user = users[number]
        self.peers = [u for u in users if u != self.user]
        self.promises = promises
        self.random = random.Random(f"{seed}/{self.user}")
        self.unacknowledged = {}  # clientMsgId -> message, oldest first
        self.made = 0
        self.requests = {}
        self.next_request = 0

    def compose(self):
        self.made += 1
        peer = self.random.choice(self.peers)
        where = {"conversationId": GROUP} if self.random.random() < 0.4 else {"to": peer}
        return {"clientMsgId": f"{self.user}-{self.made}", "where": where, "attempts": 0,
                "content": {"n": self.made, "pad": "x" * self.random.randrange(200)}}

    async def run(self, port, stop):
        """Until `stop` is set or the connection is lost."""
        try:
            socket = await RawSocket.connect(port, self.user)
        except LOST:
            return
        self.requests = {}
        for message in self.unacknowledged.values():
            self.send(socket, message)
        reading = asyncio.ensure_future(self.read(socket))
        try:
            while not stop.is_set() and not reading.done():
                while len(self.unacknowledged) < WINDOW:
                    message = self.compose()
                    self.unacknowledged[message["clientMsgId"]] = message
                    self.send(socket, message)
                await asyncio.sleep(0.002)
        except LOST:
            pass
        finally:
            if not reading.done():
                reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            socket.close()

    def send(self, socket, message):
        message["attempts"] += 1
        socket.send("message.send", clientMsgId=message["clientMsgId"], content=message["content"],
                    **message["where"])

    async def read(self, socket):
        try:
            while True:
                _, opcode, payload = await socket._read_frame()
                if opcode == CLOSE:
                    return
                if opcode == TEXT:
                    self.take(socket, json.loads(payload))
        except LOST:
            return

    def take(self, socket, frame):
        kind = frame["type"]
        if kind == "message.sent":
            message = self.unacknowledged.pop(frame["clientMsgId"], None)
            if message is not None:
                self.promises.acknowledged(self.user, message, frame, message["attempts"])
        elif kind == "message.new":
            data = frame["data"]
            if data["seq"] % 5 == 0:
                self.report(socket, "message.received", self.promises.delivered, data)
            if data["seq"] % 7 == 0:
                self.report(socket, "message.read", self.promises.read, data)
        elif kind == "ok":
            table, conversation, seq = self.requests.pop(frame["id"])
            self.promises.advance(table, self.user, conversation, seq)
        elif kind == "error" and not frame["temporary"]:
            self.promises.problems.append(f"{self.user} was answered {frame}")
        elif kind == "error" and frame.get("clientMsgId") in self.unacknowledged:
            self.send(socket, self.unacknowledged[frame["clientMsgId"]])

    def report(self, socket, type, table, data):
        self.next_request += 1
        self.requests[self.next_request] = (table, data["conversationId"], data["seq"])
        socket.send(type, id=self.next_request, conversationId=data["conversationId"], seq=data["seq"])
