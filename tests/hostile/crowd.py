"""Members of one group in a process of their own: they follow the group's log as a client must, are dropped, and come
back by themselves."""

import asyncio
import json
import multiprocessing
import random
import socket
import struct
import time

from raw import CLOSE, TEXT, RawSocket

_spawn = multiprocessing.get_context("spawn")
BASE, CAP = 0.2, 5.0  # seconds of the first and of the longest backoff
LOST = (OSError, EOFError, asyncio.IncompleteReadError, asyncio.TimeoutError, AssertionError)


class Member:
    def __init__(self, port, user, group, head, chance):
        self.port, self.user, self.group, self.chance = port, user, group, chance
        self.last = head  # the highest seq up to which nothing is missing
        self.seen = head
        self.asking = False
        self.socket = None
        self.online = asyncio.Event()
        self.fetched = 0

    async def live(self):
        attempt = 0
        while True:
            try:
                self.socket = await RawSocket.connect(self.port, self.user)
                attempt = 0
                self.asking = False
                self.ask()
                self.online.set()
                while True:
                    _, opcode, payload = await self.socket._read_frame()
                    if opcode == CLOSE:
                        break
                    if opcode == TEXT:
                        self.take(json.loads(payload))
            except LOST:
                pass
            self.online.clear()
            if self.socket is not None:
                self.socket.close()
            await asyncio.sleep(self.chance.uniform(0, min(CAP, BASE * 2 ** attempt)))
            attempt += 1

    def ask(self):
        if not self.asking:
            self.asking = True
            self.socket.send("history", conversationId=self.group, after=self.last, limit=100)

    def take(self, frame):
        if frame["type"] == "history.page":
            for event in frame["events"]:
                self.fetched += self.apply(event["seq"])
            self.asking = False
            if frame["more"] or self.seen > self.last:
                self.ask()
        elif frame["type"] == "error":
            raise AssertionError(frame)
        elif frame.get("data", {}).get("conversationId") == self.group:
            self.apply(frame["data"]["seq"])
            if self.seen > self.last:
                self.ask()
        elif frame["type"] == "sync.required":
            self.ask()

    def apply(self, seq):
        self.seen = max(self.seen, seq)
        if seq != self.last + 1:
            return False
        self.last = seq
        return True

    def drop(self):
        made = self.socket.writer.get_extra_info("socket")
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


async def everybody(members, holds, timeout):
    """Seconds until it held for each of them."""
    began = time.monotonic()
    while not all(holds(m) for m in members):
        if time.monotonic() - began > timeout:
            left = [(m.user, m.last, m.seen) for m in members if not holds(m)]
            raise AssertionError(f"{len(left)} of {len(members)} not, after {timeout} s: {left[:3]}")
        await asyncio.sleep(0.02)
    return time.monotonic() - began


async def run(pipe, port, users, group, head, seed):
    chance = random.Random(f"{seed}/{users[0]}")
    members = [Member(port, user, group, head, chance) for user in users]
    running = []
    for i, member in enumerate(members):
        running.append(asyncio.ensure_future(member.live()))
        if i % 50 == 49:
            await everybody(members[:i + 1], lambda m: m.online.is_set(), 30)
    await everybody(members, lambda m: m.online.is_set(), 30)
    pipe.send("connected")
    while True:
        order, argument = await asyncio.to_thread(pipe.recv)
        if order == "drop":
            for member in members:
                member.online.clear()
                member.drop()
            pipe.send(await everybody(members, lambda m: m.online.is_set(), 60))
        elif order == "reach":
            seconds = await everybody(members, lambda m: m.last >= argument, 60)
            pipe.send((seconds, {m.last for m in members}, sum(m.fetched for m in members)))
        else:
            break
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


def main(pipe, *arguments):
    try:
        asyncio.run(run(pipe, *arguments))
    except BaseException as failure:
        pipe.send(failure)
        raise


class Crowd:
    def __init__(self, *arguments):
        self.pipe, there = _spawn.Pipe()
        self.process = _spawn.Process(target=main, args=(there, *arguments), daemon=True)
        self.process.start()

    async def answer(self):
        found = await asyncio.to_thread(self.pipe.recv)
        if isinstance(found, BaseException):
            raise found
        return found

    def order(self, what, argument=None):
        self.pipe.send((what, argument))

    def end(self):
        self.process.terminate()
        self.process.join()
