"""The server dies at named places between the commit, the acknowledgement and the publication, and keeps every promise.

The places within the store itself are gone through by rocksdb_kill_tests (adapters/rocksdb/tests/disk).

    CRASH_KILLS    kills at each place, default 10
    CRASH_SEED     what to repeat, as in test_kill.py
"""

import asyncio
import os

import pytest

from load import Promises
from server import Server
from test_kill import SEED, Campaign

KILLS = int(os.environ.get("CRASH_KILLS", "20"))
POINTS = ["engine.committed", "engine.acknowledged", "engine.published"]
PATIENCE = 10


def has_kill_points():
    with open(os.environ["CHAT_SERVER"], "rb") as program:
        return POINTS[0].encode() in program.read()


class PointedCampaign(Campaign):
    async def load_until_dead(self):
        stop = asyncio.Event()
        running = [asyncio.ensure_future(w.run(self.server.port, stop)) for w in self.writers]
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while self.server.process.poll() is None:
            assert asyncio.get_running_loop().time() < deadline, "the place was not reached"
            await asyncio.sleep(0.005)
        stop.set()
        await asyncio.wait_for(asyncio.gather(*running), 10)
        assert self.server.process.returncode == -9, self.server.process.returncode


@pytest.mark.skipif(not has_kill_points(), reason="this chat_server was built without CHATCORE_KILL_POINTS")
@pytest.mark.parametrize("point", POINTS)
def test_no_promise_is_broken_wherever_the_server_dies(tmp_path, monkeypatch, point):
    server = Server(str(tmp_path / "data"), shards=2, durability="sync")
    campaign = PointedCampaign(server, f"{SEED}/{point}")
    kills = 0

    def start_dying(passes):
        monkeypatch.setenv("CHATCORE_KILL_AT", f"{point}:{passes}")
        server.start() if server.process is None else server.restart()

    async def run():
        nonlocal kills
        server.start()
        await campaign.make_group()
        server.kill()
        for _ in range(KILLS):
            start_dying(campaign.random.randint(1, 60))
            await campaign.load_until_dead()
            kills += 1
            monkeypatch.delenv("CHATCORE_KILL_AT")
            server.restart()
            await campaign.audit()
            server.kill()
        server.restart()
        await campaign.finish()

    try:
        asyncio.run(run())
        assert server.stop() == 0
    except BaseException:
        print(f"after {kills} kills; repeat with CRASH_SEED={SEED}", server.stderr_tail())
        server.stop()
        raise
    print(f"CRASH_SEED={SEED}: {kills} kills at {point}, {len(campaign.promises.sent)} acknowledged messages")
