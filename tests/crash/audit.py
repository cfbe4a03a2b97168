"""Looks at a server as its clients can, and compares with what was promised."""

import asyncio
import json

from raw import CLOSE, TEXT, RawSocket

PAGE = 100


class Auditor:
    """A second device of a user: asks one thing at a time."""

    def __init__(self, socket):
        self.socket = socket
        self.last = 0

    @classmethod
    async def connect(cls, port, user):
        return cls(await RawSocket.connect(port, user, device="auditor"))

    async def ask(self, type, **fields):
        self.last += 1
        self.socket.send(type, id=self.last, **fields)
        return await asyncio.wait_for(self._answer(self.last), 10)

    async def _answer(self, id):
        while True:
            _, opcode, payload = await self.socket._read_frame()
            assert opcode != CLOSE, payload
            if opcode == TEXT:
                frame = json.loads(payload)
                if frame.get("id") == id:
                    return frame

    async def history(self, conversation, after):
        events = []
        while True:
            page = await self.ask("history", conversationId=conversation, after=after, limit=PAGE)
            assert page["type"] == "history.page", page
            events += page["events"]
            if not page["more"]:
                return events
            assert page["toSeq"] > after, "a page with more:true advances"
            after = page["toSeq"]

    async def sync(self):
        page = await self.ask("sync", watermarks={}, limit=1)
        conversations = list(page["conversations"])
        while page["more"]:
            page = await self.ask("sync", since=page["token"], limit=1)
            conversations += page["conversations"]
        return {c["conversationId"]: c for c in conversations}

    def close(self):
        self.socket.close()


def check_log(conversation, events, after, promises, ids):
    """A log from `after` on: dense, each client id once and in its sender's order, and these promises kept."""
    found = [e["seq"] for e in events]
    assert found == list(range(after + 1, after + 1 + len(found))), f"{conversation}: a gap or a repetition"
    numbers = [int(e["messageId"]) for e in events if e["event"] == "message"]
    assert numbers == sorted(set(numbers)), f"{conversation}: message ids go back"
    stored = {}
    order = {}
    for event in events:
        if event["event"] != "message":
            continue
        assert event["clientMsgId"] not in stored, f"{event['clientMsgId']} is in the log twice"
        stored[event["clientMsgId"]] = event
        number = event["content"]["n"]
        assert number > order.get(event["senderId"], 0), f"{event['clientMsgId']} was overtaken in {conversation}"
        order[event["senderId"]] = number
    for id in ids:
        user, _, content, where, seq, message_id = promises.sent[id]
        if seq <= after:  # the answer to a repetition of what an earlier look found
            continue
        assert id in stored, f"{id} was acknowledged as {where}#{seq} and is lost"
        event = stored[id]
        kept = (event["senderId"], event["content"], event["seq"], event["messageId"])
        assert kept == (user, content, seq, message_id), f"{id}: promised {seq}, stored {kept}"
    return found[-1] if found else after


async def check_cursors(auditors, promises):
    """Own read cursors, and delivered ones as the others are shown them, are where they were acknowledged."""
    synced = {user: await auditor.sync() for user, auditor in auditors.items()}
    for (user, conversation), seq in promises.read.items():
        now = synced[user][conversation]["readSeq"]
        assert now >= seq, f"{user} had read {conversation}#{seq}, now {now}"
    for (user, conversation), seq in promises.delivered.items():
        for other, conversations in synced.items():
            cursors = conversations.get(conversation, {}).get("cursors", {})
            if other != user and user in cursors:
                now = cursors[user]["deliveredSeq"]
                assert now >= seq, f"{user} had received {conversation}#{seq}, now {now} for {other}"


async def check_repetition(auditors, promises, ids):
    for id in ids:
        user, where, content, _, seq, message_id = promises.sent[id]
        answer = await auditors[user].ask("message.send", clientMsgId=id, content=content, **where)
        assert answer["type"] == "message.sent", answer
        assert (answer["duplicate"], answer["seq"], answer["messageId"]) == (True, seq, message_id), answer
