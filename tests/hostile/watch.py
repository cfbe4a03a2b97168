"""What a server looks like from outside: its memory, its own counts, and how long a message takes through it."""

import asyncio
import os
import re
import signal
import time

STATS = re.compile(r"^stats (.*)$", re.MULTILINE)


def resident(pid):
    """Bytes of memory that the process has in use."""
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def resident_within(pid, limit, seconds):
    """The same as soon as it is no more than that, or when the time is over."""
    deadline = time.monotonic() + seconds
    while (now := resident(pid)) > limit and time.monotonic() < deadline:
        await asyncio.sleep(0.5)
    return now


def stats(server, timeout=5):
    """The counts that chat_server writes on SIGUSR1; at most 100 ms old."""
    before = len(STATS.findall(server.stderr_tail(1 << 20)))
    server.process.send_signal(signal.SIGUSR1)
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        found = STATS.findall(server.stderr_tail(1 << 20))
        if len(found) > before:
            return {key: int(value) for key, value in (pair.split("=") for pair in found[-1].split())}
        time.sleep(0.01)
    raise AssertionError("no stats line on stderr after SIGUSR1")


async def settled(server, timeout=10, **wanted):
    """Waits until these counts are reached; returns all of them."""
    deadline = time.monotonic() + timeout
    while True:
        now = await asyncio.to_thread(stats, server)
        if all(now[key] == value for key, value in wanted.items()):
            return now
        assert time.monotonic() < deadline, f"still {now}, not {wanted}"
        await asyncio.sleep(0.1)


async def latencies(sender, receiver, seconds=None, until=None, pause=0.02):
    """Sends through a pair of devices, one message after the other; seconds from the send to the arrival."""
    began = time.monotonic()
    taken = []
    number = 0
    while (until is not None and not until.is_set()) or (seconds is not None and time.monotonic() - began < seconds):
        number += 1
        content = f"{sender.label}-{number}-{began}"
        sent = time.monotonic()
        await sender.send("message.send", to=receiver.user, clientMsgId=content.replace("/", "."), content=content)
        await receiver.expect("message.new", content=content, timeout=10)
        taken.append(time.monotonic() - sent)
        await asyncio.sleep(pause)
    return taken


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def check_latency(before, during, floor):
    """The 99th percentile stays within twice what it was; `floor` seconds are noise on a small machine."""
    p99, was = percentile(during, 0.99), percentile(before, 0.99)
    print(f"p99 before {was * 1e3:.1f} ms, during {p99 * 1e3:.1f} ms (median {percentile(before, 0.5) * 1e3:.1f} and "
          f"{percentile(during, 0.5) * 1e3:.1f} ms) of {len(during)} messages")
    assert p99 <= max(2 * was, floor), f"{p99 * 1e3:.1f} ms after {was * 1e3:.1f} ms"
