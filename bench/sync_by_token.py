"""What a sync by token costs: a user with many conversations, of which some have changed.

    /usr/bin/python3 bench/sync_by_token.py --server build/bench/examples/chat_server/chat_server

Prints the server's CPU (all threads, /proc/PID/task/*/schedstat) for one `sync` with the token of the last one, beside
what the same costs by watermarks: minimum, median and maximum over the rounds.
"""

import argparse
import asyncio
import glob
import os
import statistics
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "tests", "e2e"))

from device import Chat, new_id  # noqa: E402
from server import Server  # noqa: E402


def cpu_seconds(pid):
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        try:
            with open(path) as file:
                total += int(file.read().split()[0])
        except OSError:
            pass
    return total / 1e9


async def quiet(pid):
    """Waits until the server does nothing any more."""
    while True:
        before = cpu_seconds(pid)
        await asyncio.sleep(0.05)
        if cpu_seconds(pid) - before < 0.0002:
            return


async def cost_of(pid, work):
    await quiet(pid)
    before = cpu_seconds(pid)
    answer = await work
    await quiet(pid)
    return cpu_seconds(pid) - before, answer


async def fill(chat, user, conversations):
    """The user in that many direct conversations, of some messages each."""
    senders = [await chat.connect(f"s{i}") for i in range(conversations // 100)]
    for sender in senders:
        for i in range(100):
            to = user.user if i == 0 else None
            if to:
                await sender.say("hello", to=to)
    ids = []
    for i in range(len(senders), conversations):
        ids.append(user.say("hello", to=chat.name(f"p{i}")))
        if len(ids) == 64:
            await asyncio.gather(*ids)
            ids = []
    await asyncio.gather(*ids)
    return senders


async def pages(device, **first):
    page = await device.sync(limit=1000, **first)
    count = len(page["conversations"])
    while page["more"]:
        page = await device.sync(since=page["token"], limit=1000)
        count += len(page["conversations"])
    return page["token"], count


async def run(options, server):
    chat = Chat(server, "bench")
    user = await chat.connect("user")
    senders = await fill(chat, user, options.conversations)
    token, total = await pages(user, watermarks={})
    pid = server.process.pid
    by_token, by_watermarks, empty = [], [], []
    for _ in range(options.rounds):
        spent, (token, _) = await cost_of(pid, pages(user, since=token))
        empty.append(spent)
        for sender in senders[:options.changed]:
            await sender.say("news", to=user.user)
        spent, (token, changed) = await cost_of(pid, pages(user, since=token))
        assert changed == min(options.changed, len(senders)), changed
        by_token.append(spent)
        listed = {}
        spent, _ = await cost_of(pid, pages(user, watermarks=listed))
        by_watermarks.append(spent)
    print(f"{total} conversations, {changed} changed, {options.rounds} rounds; ms of server CPU, min / median / max")
    for name, all_ in (("by token, nothing changed", empty), ("by token", by_token),
                       ("by watermarks, none named", by_watermarks)):
        figures = [1000 * value for value in (min(all_), statistics.median(all_), max(all_))]
        print(f"  {name:28} {figures[0]:8.2f} {figures[1]:8.2f} {figures[2]:8.2f}")
    for device in chat.devices:
        await device.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", required=True)
    parser.add_argument("--conversations", type=int, default=2000)
    parser.add_argument("--changed", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    os.environ["CHAT_SERVER"] = options.server
    with tempfile.TemporaryDirectory() as folder:
        server = Server(os.path.join(folder, "data"), "--rate-limit", "off")
        server.start()
        try:
            asyncio.run(run(options, server))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
