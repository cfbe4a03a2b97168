"""Random histories: in whichever way a device comes to know its conversations, it knows what the model says.

MODEL_SEED (a number, or a range: 100-200) and MODEL_STEPS make other and longer ones. A seed gives the same commands
again, as far as those that are sent at once are committed in the same order.
"""

import asyncio
import itertools
import os
from random import Random

import pytest

from device import Chat, check_error
from follower import NEEDS, Follower, KeptLog, by_token, by_watermarks
from model import ACCOUNT_CHANGES, Command, Model, now, shown

FIRST, _, LAST = os.environ.get("MODEL_SEED", "1-4").partition("-")
SEEDS = range(int(FIRST), int(LAST or FIRST) + 1)
STEPS = int(os.environ.get("MODEL_STEPS", "120"))
USERS = ("alice", "bob", "carol")
# The phone is always there; the others come and go.
DEVICES = {"phone": by_watermarks, "tablet": by_watermarks, "laptop": by_token}
AGREED_WITHIN = 5000


@pytest.mark.parametrize("seed", SEEDS)
async def test_every_device_knows_what_may_be_seen(start_server, seed):
    story = Story(start_server(shards=1 + seed % 2, durability="sync"), seed)
    try:
        await story.begin()
        for _ in range(STEPS):
            await story.go_on()
        await story.everybody_agrees()
    except BaseException:
        print(f"MODEL_SEED={seed}, the last of {len(story.told)} steps:", *story.told[-20:], sep="\n")
        raise
    finally:
        await story.chat.close()


class Story:
    def __init__(self, server, seed):
        self.server = server
        self.random = Random(seed)
        self.numbers = itertools.count(1)
        self.chat = Chat(server, suffix="m")
        self.users = [self.chat.name(user) for user in USERS]
        self.model = Model()
        self.followers = []
        self.told = []

    async def begin(self):
        features = (await self.chat.connect("nobody")).welcome["features"]
        self.followers = [Follower(self.chat, user, device, way) for user in USERS
                          for device, way in DEVICES.items() if NEEDS[way] in features]
        await self.everybody_comes(self.followers)
        await self.create_group()

    async def go_on(self):
        weights = {self.send: 20, self.send_first: 3, self.send_briefly: 1, self.change: 25, self.delete_for_me: 4,
                   self.receipt: 12, self.create_group: 1, self.change_group: 14, self.mute: 4, self.clear: 3,
                   self.come_or_go: 9,
                   self.change_account: 8,
                   self.burst: 5, self.restart: 1, self.everybody_agrees: 9}
        step, = self.random.choices(list(weights), weights.values())
        await step()

    def maybe(self, chance):
        return self.random.random() < chance

    def new(self, what):
        return f"{what}-{next(self.numbers)}"

    def present(self, user=None):
        return [each for each in self.followers if each.device and user in (None, each.user)]

    def somewhere(self, chance_of_a_member=0.93):
        conversation = self.random.choice(list(self.model.values()))
        members = sorted(conversation.joined) if self.maybe(chance_of_a_member) else self.users
        return conversation, self.random.choice(members)

    def one_of(self, messages):
        """One of the newest messages but for those that expire, None where there is none."""
        return self.random.choice([m for m in messages.values() if "expiresAt" not in m.event][-12:] or [None])

    def command(self, user, type, conversation=None, target=None, **fields):
        if conversation:
            fields["conversationId"] = conversation.id
        if target:
            fields["messageId"] = target.event["messageId"]
        return Command(user, type, {"clientMsgId": self.new("id"), **fields}, target)

    async def do(self, *what, **fields):
        """The follower and the command; None if it was to be refused."""
        command = self.command(*what, **fields)
        follower = self.random.choice(self.present(command.user))
        refusal = self.model.refusal(command)
        answer = await follower.do(command)
        self.told.append(f"{follower}: {command.type} {command.fields}: {answer.raw}")
        if answer["type"] == "error" and (refusal or command.target and command.target.ends_by(now())):
            check_error(answer, refusal or "not_found")
            return None
        assert not refusal and answer["type"] != "error", f"to be refused: {refusal}"
        self.model.take(command, answer)
        return follower, command

    async def send(self):
        conversation, sender = self.somewhere()
        answered = self.one_of(conversation.visible(sender)) if self.maybe(0.2) else None
        reply = {"replyTo": answered.event["messageId"]} if answered else {}
        await self.do(sender, "message.send", conversation, content={"text": self.new("text")}, **reply)

    async def send_first(self):
        sender, to = self.random.sample(self.users, 2)
        if not any(conversation.direct and to in conversation.joined for conversation in self.model.of(sender)):
            await self.do(sender, "message.send", to=to, content=self.new("first"))

    async def send_briefly(self):
        conversation, sender = self.somewhere()
        if await self.do(sender, "message.send", conversation, content=self.new("brief"), expiresInSeconds=1):
            brief = conversation.messages[conversation.last]
            await self.do(sender, "message.edit", conversation, brief, content=self.new("briefer"))
            await self.do(sender, "message.delete", conversation, brief, scope="everyone")

    async def change(self):
        """Any message, by anybody: what may not be changed, or is not seen, is refused."""
        conversation, user = self.somewhere()
        if message := self.one_of(conversation.messages):
            reaction = {"emoji": self.random.choice("👍❤"), "op": self.random.choice(["add", "add", "remove"])}
            type, fields = self.random.choice([
                ("message.edit", {"content": self.new("edited")}), ("message.react", reaction),
                ("message.react", reaction), ("message.delete", {"scope": "everyone"})])
            user = message.event["senderId"] if self.maybe(0.5) else user
            await self.do(user, type, conversation, message, **fields)

    async def delete_for_me(self):
        await self.nothing_ends_now()
        conversation, user = self.somewhere()
        message = self.one_of(conversation.visible(user))
        if message and (done := await self.do(user, "message.delete", conversation, message, scope="me")):
            await self.others_hear(*done, "sync.deleted", conversation, seq=message.seq)

    async def receipt(self):
        await self.nothing_ends_now()
        conversation, user = self.somewhere()
        before = conversation.cursor(user)["readSeq"]
        type = self.random.choice(["message.read", "message.received"])
        place = {"seq": self.random.randint(max(1, conversation.last - 20), conversation.last)}
        if type == "message.read" and self.maybe(0.5) and (message := self.one_of(conversation.visible(user))):
            place = {"target": message}
        done = await self.do(user, type, conversation, **place)
        if done and (read := conversation.cursor(user)["readSeq"]) > before:
            await self.others_hear(*done, "sync.read", conversation, lastReadSeq=read)

    async def clear(self):
        await self.nothing_ends_now()
        conversation, user = self.somewhere()
        before = conversation.cleared.get(user, 0)
        seq = self.random.randint(max(1, conversation.last - 20), conversation.last)
        if (done := await self.do(user, "conversation.clear", conversation, seq=seq)) and seq > before:
            await self.others_hear(*done, "sync.cleared", conversation, seq=seq)

    async def others_hear(self, actor, command, type, conversation, **fields):
        for follower in self.present(command.user):
            if follower is not actor:
                told = await follower.device.expect(type, conversationId=conversation.id, **fields)
                assert told["unread"] == conversation.unread(command.user), f"{follower}: {told.raw}"

    async def create_group(self):
        creator, *others = self.random.sample(self.users, self.random.randint(2, 3))
        if sum(not conversation.direct for conversation in self.model.values()) < 3:
            await self.do(creator, "conversation.create", members=others, name=self.new("name"),
                          conversationId=self.new("group"))

    async def change_group(self):
        group = self.random.choice([conversation for conversation in self.model.values() if not conversation.direct])
        user = self.random.choice(sorted(group.admins) if self.maybe(0.6) else self.users)
        other = self.random.choice([other for other in self.users if other != user])
        add, remove = [(f"conversation.{type}Members", {"members": [other]}) for type in ("add", "remove")]
        changes = [remove, ("conversation.leave", {}), ("conversation.update", {"name": self.new("name")})]
        type, fields = self.random.choice(changes) if other in group.joined else add
        if await self.do(user, type, group, **fields) and type == remove[0] and self.maybe(0.5):
            await self.do(user, add[0], group, **add[1])

    async def mute(self):
        conversation, user = self.somewhere()
        await self.do(user, "conversation.mute", conversation, **self.random.choice([{}, {"until": 0}]))

    async def change_account(self):
        others = self.random.sample([f"other-{i}" for i in range(6)], 2)
        type = self.random.choice(ACCOUNT_CHANGES)
        fields = {"displayName": self.new("name")} if type == "profile.update" else {"users": others}
        await self.do(self.random.choice(self.users), type, **fields)

    def one_of_many(self):
        """A command that may be made in any order with others like it."""
        conversation, user = self.somewhere(chance_of_a_member=1)
        target = self.one_of(conversation.visible(user))
        if target and not target.deleted and self.maybe(0.4):
            op = self.random.choice(["add", "remove"])
            return self.command(user, "message.react", conversation, target, emoji="x", op=op)
        return self.command(user, "message.send", conversation, content=self.new("burst"))

    async def send_at_once(self):
        """Each follower, its command and the id of the request."""
        asked = []
        for command in [self.one_of_many() for _ in range(self.random.randint(3, 12))]:
            follower = self.random.choice(self.present(command.user))
            self.told.append(f"{follower}: {command.type} {command.fields}, at once")
            asked.append((follower, command, await follower.send(command)))
        return asked

    async def burst(self):
        asked = await self.send_at_once()
        await self.come_or_go(but=[follower for follower, _, _ in asked])
        self.take_all([(command, await follower.device.answer(id)) for follower, command, id in asked])

    def take_all(self, answered):
        assert {answer["type"] for _, answer in answered} == {"message.sent"}, answered
        for command, answer in sorted(answered, key=lambda each: each[1]["seq"]):
            self.model.take(command, answer)

    async def restart(self):
        """What was answered is not lost, and what is sent again takes effect once."""
        asked = await self.send_at_once()
        await asyncio.sleep(self.random.random() * 0.004)
        if self.maybe(0.6):
            self.server.kill()
        assert await asyncio.to_thread(self.server.stop) in (0, -9)
        cut_off = self.present()
        answers = {}
        for follower in cut_off:
            await follower.device.closed()
            answers.update({f["id"]: f for f in follower.device.frames if f["type"] == "message.sent"})
            follower.go()
        shards = self.random.choice([1, 2])
        self.told.append(f"the server ended and starts with {shards} shards")
        self.server.restart(shards)
        await self.everybody_comes(cut_off)
        repeated = [(command, await self.present(command.user)[0].do(command)) for _, command, _ in asked]
        for (_, _, id), (_, answer) in zip(asked, repeated):
            assert id not in answers or answer == {**answers[id], "id": answer["id"], "duplicate": True}
        self.take_all(repeated)

    async def everybody_comes(self, followers):
        for follower in followers:
            if self.maybe(0.2):
                await follower.come(limit=2, pages=1)
                follower.go()
            await follower.come(limit=self.random.choice([2, 7, 200]))

    async def come_or_go(self, but=()):
        follower = self.random.choice([each for each in self.followers if each.device_name != "phone"])
        self.told.append(f"{follower} {'goes' if follower.device else 'comes'}")
        if not follower.device:
            await self.everybody_comes([follower])
        elif follower not in but:
            follower.go()

    async def everybody_agrees(self):
        self.told.append("everybody agrees")
        await self.nothing_ends_now()
        for follower in self.present():
            await self.follower_agrees(follower)
        for user in self.users:
            await self.server_agrees(user, self.present(user)[0].device)

    async def nothing_ends_now(self):
        messages = [m for conversation in self.model.values() for m in conversation.messages.values()]
        ends = [m.event["expiresAt"] for m in messages if m.event.get("expiresAt", 0) > now() - 50]
        await asyncio.sleep((max(ends) - now() + 50) / 1000 if ends else 0)

    async def follower_agrees(self, follower):
        """At once, or as soon as what is under way has arrived."""
        deadline = now() + AGREED_WITHIN
        while True:
            follower.listen()
            known = {id: self.known(follower, id, log, log.read, log.messages, log.cursors)
                     for id, log in follower.logs.items() if log.last is not None}
            wanted = {c.id: self.known(follower, c.id, c, c.cursor(follower.user)["readSeq"],
                                       c.visible(follower.user), c.cursors) for c in self.model.of(follower.user)}
            account = self.model.account(follower.user)
            if known == wanted and follower.account == account:
                return
            if now() > deadline:
                pytest.fail(f"{follower}: {differences(known, wanted)}\n{follower.account}\nshould be {account}")
            await asyncio.sleep(0.005)

    def known(self, follower, id, log, read, messages, cursors):
        """What a device shows of a conversation. Of others' receipts it is told about its user's messages only."""
        user, members = follower.user, self.model[id].joined
        first = follower.logs[id].first or 0 if id in follower.logs else 0
        kept = [m for seq, m in sorted(messages.items())
                if seq >= first and not m.ends_by(now())]
        receipts = {(m.seq, other): [m.seq <= seq for seq in cursors.get(other, {}).values()] or [False, False]
                    for m in kept if m.event["senderId"] == user
                    for other, joined in members.items() if other != user and joined <= m.seq}
        return {"last": log.last, "read": max(read, members.get(user, 0) - 1), "receipts": receipts,
                "messages": [m.shown_to(user) for m in kept]}

    async def server_agrees(self, user, device):
        mine = self.model.of(user)
        listed = await self.listed(device)
        page = await device.sync({conversation.id: conversation.last for conversation in self.model.values()})
        synced = {entry["conversationId"]: entry for entry in page["conversations"]}
        assert [entry["conversationId"] for entry in listed] == [conversation.id for conversation in mine], user
        for entry, conversation in zip(listed, mine):
            self.entries_agree(user, conversation, entry, synced.pop(conversation.id))
            await self.history_agrees(user, conversation, device)
        assert set(synced) == set(self.model) - {conversation.id for conversation in mine}
        for id, entry in synced.items():
            assert entry == {"conversationId": id, "removed": True}
            await device.refused("not_a_member", "history", conversationId=id)

    async def listed(self, device):
        limit = self.random.choice([1, 2, 50])
        page = await device.conversations(limit=limit)
        entries = page["conversations"]
        while page["more"]:
            page = await device.conversations(limit=limit, cursor=page["cursor"])
            entries += page["conversations"]
        return entries

    def entries_agree(self, user, conversation, listed, synced):
        for entry in (listed, synced):
            assert (entry["headSeq"], entry["readSeq"], entry["unread"]) == (
                conversation.last, conversation.cursor(user)["readSeq"], conversation.unread(user)), f"{user}: {entry}"
        assert (listed["role"] == "owner") == (user in conversation.admins), f"{user}: {listed}"
        assert listed["muted"] == (user in conversation.muted), f"{user}: {listed}"
        last = [message.shown_to(user) for message in conversation.visible(user).values()][-1:]
        assert [shown(listed[key]) for key in ("lastMessage",) if key in listed] == last, f"{user}: {listed}"
        assert (synced["floorSeq"], synced["events"]) == (conversation.first_visible(user), []), f"{user}: {synced}"
        assert synced.get("cursors", {}) == conversation.others(user), f"{user}: {synced}"

    async def history_agrees(self, user, conversation, device):
        visible = [message.shown_to(user) for message in conversation.visible(user).values()]
        forward = await self.history(device, conversation, "after", 0)
        assert [shown(event) for event in forward if event["event"] == "message"] == visible, user
        assert forward == (await self.history(device, conversation, "before", conversation.last + 1))[::-1], user
        raw = await self.history(device, conversation, "after", 0, raw=True)
        assert all(event["seq"] >= conversation.first_visible(user) for event in forward + raw), user
        fresh = KeptLog(first=1)
        fresh.fill(range(1, conversation.last + 1), raw)
        assert [message.shown_to(user) for message in fresh.messages.values()] == visible, user

    async def history(self, device, conversation, direction, position, **fields):
        limit = self.random.choice([5, 50, 500])
        events, more = [], True
        while more:
            page = await device.history(conversation.id, limit=limit, **{direction: position}, **fields)
            events += page["events"]
            position, more = page["toSeq" if direction == "after" else "fromSeq"], page["more"]
        return events


def differences(known, wanted):
    parts = [(id, part, known.get(id, {}).get(part), wanted.get(id, {}).get(part))
             for id in {**known, **wanted} for part in ("last", "read", "receipts", "messages")]
    return "\n".join(f"{id}: {part}: {one}\nshould be {other}" for id, part, one, other in parts if one != other)
