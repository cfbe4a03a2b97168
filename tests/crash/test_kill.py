"""The server is killed with SIGKILL under load, again and again on the same data, and keeps every promise.

CWE-460 (improper cleanup on a thrown exception), CWE-662 (improper synchronization) and CWE-754 (improper check for
exceptional conditions) in their worst form: nothing at all is cleaned up.

    CRASH_CYCLES   kills over all cases together, default 50
    CRASH_SEED     what to repeat; it decides when the kills come and what the clients send (not how threads interleave)
"""

import asyncio
import os
import random
import time

import pytest

from audit import Auditor, check_cursors, check_log, check_repetition
from load import GROUP, Promises, Writer
from server import Server

CYCLES = int(os.environ.get("CRASH_CYCLES", "50"))
SEED = int(os.environ.get("CRASH_SEED", "0")) or int.from_bytes(os.urandom(4), "big")
USERS = [f"u{i}" for i in range(5)]
CASES = [("sync", 1), ("sync", 2), ("os", 1), ("os", 2)]
REPEATED = 12  # old client ids sent again after each restart


class Campaign:
    def __init__(self, server, seed):
        self.server = server
        self.random = random.Random(f"{seed}/campaign")
        self.promises = Promises()
        self.writers = [Writer(i, USERS, self.promises, seed) for i in range(len(USERS))]
        self.verified = {}  # conversationId -> seq up to which the log has been compared

    async def make_group(self):
        socket = await Auditor.connect(self.server.port, USERS[0])
        made = await socket.ask("conversation.create", conversationId=GROUP, clientMsgId="make", name="Crash",
                                members=USERS[1:])
        assert made["type"] == "conversation.created", made
        socket.close()

    async def load_until_killed(self):
        stop = asyncio.Event()
        running = [asyncio.ensure_future(w.run(self.server.port, stop)) for w in self.writers]
        await asyncio.sleep(self.random.uniform(0.03, 0.4))
        self.server.kill()
        stop.set()
        await asyncio.wait_for(asyncio.gather(*running), 10)

    async def audit(self, whole=False):
        auditors = {u: await Auditor.connect(self.server.port, u) for u in USERS}
        reader = {}
        for user, auditor in auditors.items():
            for conversation in await auditor.sync():
                reader[conversation] = auditor
        for conversation in {p[3] for p in self.promises.sent.values()}:
            assert conversation in reader, f"{conversation} is gone"
        for conversation, auditor in reader.items():
            after = 0 if whole else self.verified.get(conversation, 0)
            ids = self.promises.unverified.pop(conversation, [])
            if whole:
                ids = [id for id, promise in self.promises.sent.items() if promise[3] == conversation]
            events = await auditor.history(conversation, after)
            self.verified[conversation] = check_log(conversation, events, after, self.promises, ids)
        await check_cursors(auditors, self.promises)
        known = sorted(self.promises.sent)
        await check_repetition(auditors, self.promises, self.random.sample(known, min(REPEATED, len(known))))
        assert not self.promises.problems, self.promises.problems[:5]
        for auditor in auditors.values():
            auditor.close()

    async def finish(self):
        """What was never acknowledged is sent until it is; then everything is compared from the first seq."""
        stop = asyncio.Event()
        running = [asyncio.ensure_future(w.run(self.server.port, stop)) for w in self.writers]
        await asyncio.sleep(0.3)
        stop.set()
        await asyncio.wait_for(asyncio.gather(*running), 10)
        await self.audit(whole=True)


@pytest.mark.parametrize("durability,shards", CASES, ids=[f"{d}-{s}" for d, s in CASES])
def test_no_promise_is_broken_however_often_the_server_is_killed(tmp_path, durability, shards):
    seed = f"{SEED}/{durability}/{shards}"
    case = CASES.index((durability, shards))
    cycles = CYCLES // len(CASES) + (1 if case < CYCLES % len(CASES) else 0)
    print(f"CRASH_SEED={SEED}, {cycles} kills")
    server = Server(str(tmp_path / "data"), shards=shards, durability=durability)
    campaign = Campaign(server, seed)
    began = time.monotonic()

    async def run():
        server.start()
        await campaign.make_group()
        for cycle in range(cycles):
            try:
                await campaign.load_until_killed()
                server.restart()
                await campaign.audit()
            except BaseException:
                print(f"in cycle {cycle} of {cycles}; repeat with CRASH_SEED={SEED}")
                raise
        await campaign.finish()

    try:
        asyncio.run(run())
        code = server.stop()
        assert code == 0, code
    except BaseException:
        print(server.stderr_tail())
        server.stop()
        raise
    promises = campaign.promises
    assert len(promises.sent) > 20 * cycles, "there was load"
    print(f"{cycles} kills in {time.monotonic() - began:.1f} s: {len(promises.sent)} acknowledged messages, "
          f"{promises.repeated} of them stored but not yet acknowledged at a kill")
