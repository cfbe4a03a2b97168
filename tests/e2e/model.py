"""What everybody may see of their conversations, by the rules of the protocol and nothing else.

Events are as pages have them: the `data` of the live frame, with `event`.
"""

import time
from collections import Counter
from dataclasses import dataclass, field

LIVE = {"message.new": "message", "message.edited": "edit", "message.reaction": "reaction",
        "message.deleted": "delete", "conversation.created": "conversation", "conversation.updated": "conversation",
        "conversation.member": "member"}
CHANGES = {"message.send": "message", "message.edit": "edit", "message.react": "reaction", "message.delete": "delete"}
FOR_ADMINS = ("conversation.addMembers", "conversation.removeMembers", "conversation.update")


def now():
    return time.time() * 1000


def event_in(frame):
    return {**frame["data"], "event": LIVE[frame["type"]]}


def shown(event, reactions=None):
    """What can be foretold of a message as pages of history have it."""
    if reactions is None:
        reactions = {r["emoji"]: (r["count"], r.get("mine", False)) for r in event.get("reactions", [])}
    fields = ("seq", "messageId", "senderId", "content", "replyTo", "expiresAt", "deletedBy")
    return {**{key: event.get(key) for key in fields}, "edited": "editedAt" in event, "reactions": reactions}


@dataclass
class Command:
    user: str
    type: str
    fields: dict
    target: "Message" = None

    @property
    def hides(self):
        return self.fields.get("scope") == "me"

    @property
    def seq(self):
        return self.target.seq if self.target else self.fields["seq"]

    def event(self, answer):
        """What a command that was answered `message.sent` is to everybody else."""
        event = {**self.fields, "event": CHANGES[self.type], "senderId": self.user}
        event.update({key: answer[key] for key in ("conversationId", "messageId", "seq", "timestamp")})
        if self.target:
            event["targetSeq"] = self.target.seq
        if "expiresInSeconds" in self.fields:
            event["expiresAt"] = answer["timestamp"] + 1000 * self.fields["expiresInSeconds"]
        return event


@dataclass
class Message:
    event: dict
    reactions: set = field(default_factory=set)

    @property
    def seq(self):
        return self.event["seq"]

    @property
    def deleted(self):
        return "deletedBy" in self.event

    def ends_by(self, time):
        return self.event.get("expiresAt", time + 1) <= time

    def change(self, event):
        if self.deleted:
            return
        if event["event"] == "edit":
            self.event.update(content=event.get("content"), editedAt=event["timestamp"])
        elif event["event"] == "reaction":
            put = self.reactions.add if event["op"] == "add" else self.reactions.discard
            put((event["emoji"], event["senderId"]))
        else:
            kept = {key: value for key, value in self.event.items() if key not in ("content", "editedAt")}
            self.event, self.reactions = {**kept, "deletedBy": event["senderId"]}, set()

    def shown_to(self, user):
        counts = Counter(emoji for emoji, _ in self.reactions)
        return shown(self.event, {emoji: (count, (emoji, user) in self.reactions) for emoji, count in counts.items()})


class Log:
    """Messages by their numbers, as the events up to `last` have made them, and who has come how far."""

    def __init__(self, last=0):
        self.last = last
        self.messages, self.cursors = {}, {}

    def apply(self, event):
        self.last = event["seq"]
        if event["event"] == "message":
            self.messages[self.last] = Message(dict(event))
        elif event.get("targetSeq") in self.messages:
            self.messages[event["targetSeq"]].change(event)

    def cursor(self, user):
        return self.cursors.setdefault(user, {"deliveredSeq": 0, "readSeq": 0})

    def advance(self, user, deliveredSeq=0, readSeq=0):
        """What is read has been delivered."""
        cursor = self.cursor(user)
        cursor["deliveredSeq"] = max(cursor["deliveredSeq"], deliveredSeq, readSeq)
        cursor["readSeq"] = max(cursor["readSeq"], readSeq)


class Conversation(Log):
    """Cursors, what was sent, cleared and muted outlive a membership."""

    def __init__(self, id, pair):
        super().__init__()
        self.id, self.direct = id, id.startswith("dm.")
        self.last_event_at = 0
        self.joined = {user: 1 for user in pair}
        self.admins, self.muted, self.hidden, self.sent, self.cleared = set(), set(), set(), {}, {}

    def take(self, event):
        assert event["seq"] == self.last + 1, f"{self.id}: {event} does not follow {self.last}"
        self.apply(event)
        self.last_event_at = event["timestamp"]
        if event["event"] == "message":
            self.sent[event["senderId"]] = self.last
        elif event["event"] == "conversation":
            self.joined.update({user: self.last for user in event.get("members", [])})
            self.admins |= {event["createdBy"]} if "createdBy" in event else set()
        elif event["event"] == "member":
            self.take_members(event["op"], event["userIds"])

    def take_members(self, op, users):
        if op == "added":
            self.joined.update({user: self.last for user in users})
        else:
            self.joined = {user: joined for user, joined in self.joined.items() if user not in users}
            self.admins -= set(users)
            self.admins = self.admins or {min(self.joined, key=lambda user: (self.joined[user], user))}

    def take_personal(self, command):
        """What a command did that is no event of the conversation."""
        if command.hides:
            self.hidden.add((command.user, command.seq))
        elif command.type == "conversation.clear":
            self.cleared[command.user] = max(self.cleared.get(command.user, 0), command.seq)
        elif command.type == "conversation.mute":
            (self.muted.discard if "until" in command.fields else self.muted.add)(command.user)
        else:
            self.advance(command.user, **{{"message.read": "readSeq"}.get(command.type, "deliveredSeq"): command.seq})

    def first_visible(self, user):
        return max(self.joined.get(user, self.last + 1), self.cleared.get(user, 0) + 1)

    def visible(self, user):
        """What this user may see, by number and in its order."""
        first = self.first_visible(user)
        return {seq: message for seq, message in self.messages.items()
                if seq >= first and (user, seq) not in self.hidden and not message.ends_by(now())}

    def unread(self, user):
        seen = max(self.cursor(user)["readSeq"], self.sent.get(user, 0))
        return sum(seq > seen and not message.deleted for seq, message in self.visible(user).items())

    def active_at(self, user):
        return ([self.last_event_at] + [m.event["timestamp"] for m in self.visible(user).values()])[-1]

    def others(self, user):
        return {other: self.cursor(other) for other in self.joined if other != user}


@dataclass
class Account:
    contacts: set = field(default_factory=set)
    blocks: set = field(default_factory=set)
    profile: str = ""

    def take(self, type, fields):
        """A command, or what other devices hear of it."""
        section, _, op = type.partition(".")
        if section == "profile":
            self.profile = fields["displayName"]
        elif op == "changed":
            getattr(self, section).update(fields.get("added", []))
            getattr(self, section).difference_update(fields.get("removed", []))
        else:
            (set.update if op == "add" else set.difference_update)(getattr(self, section), fields["users"])


ACCOUNT_CHANGES = ("contacts.add", "contacts.remove", "blocks.add", "blocks.remove", "profile.update")


class Model(dict):
    """The conversations by their ids, and what users keep for themselves."""

    def __init__(self):
        super().__init__()
        self.accounts = {}

    def account(self, user):
        return self.accounts.setdefault(user, Account())

    def of(self, user):
        """The most recently active first."""
        return sorted((conversation for conversation in self.values() if user in conversation.joined),
                      key=lambda conversation: (-conversation.active_at(user), conversation.id))

    def refusal(self, command):
        """The code with which a command is to be refused, or None."""
        conversation = self.get(command.fields.get("conversationId"))
        if conversation is None:
            return None
        if command.user not in conversation.joined:
            return "not_a_member"
        admin = command.user in conversation.admins
        allowed = admin or conversation.direct or command.type not in FOR_ADMINS
        if command.type in CHANGES and command.target:
            target = conversation.visible(command.user).get(command.seq)
            if target is None or target.deleted and not command.hides:
                return "not_found"
            deletes = admin and command.type == "message.delete"
            own = target.event["senderId"] == command.user
            allowed = own or deletes or command.hides or command.type == "message.react"
        return None if allowed else "forbidden"

    def take(self, command, answer):
        """What a command has changed that was not refused."""
        if command.type in ACCOUNT_CHANGES:
            return self.account(command.user).take(command.type, command.fields)
        if answer["type"] == "ok":
            return self[command.fields["conversationId"]].take_personal(command)
        event = command.event(answer) if answer["type"] == "message.sent" else event_in(answer)
        pair = (command.user, command.fields["to"]) if "to" in command.fields else ()
        self.setdefault(event["conversationId"], Conversation(event["conversationId"], pair)).take(event)
