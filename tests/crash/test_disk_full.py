"""A small disk fills up under a running server and gets room again.

The disk is a tmpfs of its own; without the right to mount one the test is skipped. The same, and a read-only disk, without
any rights: adapters/rocksdb/tests/disk.
"""

import asyncio
import subprocess
import time

import pytest

from audit import Auditor
from server import Server

CONTENT = "x" * 15000
REFUSALS = 5
PATIENCE = 20


def mount(*arguments):
    return subprocess.run(["mount", *arguments], capture_output=True, text=True)


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    made = mount("-t", "tmpfs", "-o", "size=40m", "tmpfs", str(folder))
    if made.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


async def send(client, number):
    answer = await client.ask("message.send", clientMsgId=f"m-{number}", to="bob", content=CONTENT)
    if answer["type"] == "message.sent":
        return answer
    assert answer["type"] == "error" and answer["temporary"], answer
    return None


async def fill_and_make_room(server, disk):
    promised = {}
    alice = await Auditor.connect(server.port, "alice")
    number, refused = 1, 0
    while refused < REFUSALS:
        assert number < 10000, "the disk never filled"
        answer = await send(alice, number)
        if answer is None:
            # The same one again: a later one would be told to wait for it.
            refused += 1
            continue
        promised[f"m-{number}"] = answer["seq"]
        conversation = answer["conversationId"]
        number += 1
    assert promised
    # Readers go on, and so do newcomers.
    page = await alice.ask("history", conversationId=conversation, after=0, limit=10)
    assert page["type"] == "history.page" and len(page["events"]) == 10
    (await Auditor.connect(server.port, "carol")).close()

    assert mount("-o", "remount,size=400m", str(disk)).returncode == 0
    began = time.monotonic()
    while True:
        answer = await send(alice, number)
        if answer is not None:
            break
        assert time.monotonic() - began < PATIENCE, "service did not come back"
        await asyncio.sleep(0.2)
    promised[f"m-{number}"] = answer["seq"]
    print(f"{len(promised)} acknowledged, {refused} refused, served again after {time.monotonic() - began:.1f} s")
    for number in range(number + 1, number + 11):
        promised[f"m-{number}"] = (await send(alice, number))["seq"]
    alice.close()
    return conversation, promised


async def compare(server, conversation, promised):
    alice = await Auditor.connect(server.port, "alice")
    seen = {}
    for event in await alice.history(conversation, 0):
        if event["event"] == "message":
            seen.setdefault(event["clientMsgId"], []).append(event["seq"])
    wrong = {id: (seq, seen.get(id)) for id, seq in promised.items() if seen.get(id) != [seq]}
    assert not wrong, wrong
    alice.close()


def test_a_full_disk_refuses_for_a_while_and_loses_nothing(small_disk):
    server = Server(str(small_disk / "data"), shards=2, durability="sync")
    try:
        server.start()
        conversation, promised = asyncio.run(fill_and_make_room(server, small_disk))
        asyncio.run(compare(server, conversation, promised))
        server.kill()
        server.restart()
        asyncio.run(compare(server, conversation, promised))
        assert server.stop() == 0
    except BaseException:
        print(server.stderr_tail())
        server.stop()
        raise
