#!/usr/bin/env python3
"""Runs the server and its limits in turn under the same load, and prints ours, limit and ratio as Markdown."""

import argparse
import json
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

CPU, DELIVERY = "serverCpuNsPerDelivery", "deliveryP50Us"

# name, loadgen arguments, our server's flags, limit server, figure compared
ROWS = [
    ("group 1,000, 1 in flight", "group --receivers 1000", "--durability os --shards 1", "bare_send", CPU),
    ("group 10,000, 1 in flight", "group --receivers 10000", "--durability os --shards 1", "bare_send", CPU),
    ("group 1,000, 16 in flight", "group --receivers 1000 --in-flight 16", "--durability os --shards 1",
     "bare_send", CPU),
    ("pairs 1,000, 256 in flight, sync, 1 shard", "pairs --pairs 1000 --in-flight 256",
     "--durability sync --shards 1", "receive_once_send_twice", CPU),
    ("pairs 1,000, 256 in flight, sync, 2 shards", "pairs --pairs 1000 --in-flight 256",
     "--durability sync --shards 2", "receive_once_send_twice", CPU),
    ("the same with receipts, 1 shard", "pairs --pairs 1000 --in-flight 256 --ack",
     "--durability sync --shards 1", "receive_once_send_twice", CPU),
    ("one lone pair, sync: median send to delivered", "pairs --pairs 1 --in-flight 1",
     "--durability sync --shards 1", "receive_once_send_twice --sync {data}/log", DELIVERY),
]
START_SECONDS, RUN_SECONDS = 10, 40


class Failed(Exception):
    pass


def started(command, log):
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    patience = threading.Timer(START_SECONDS, server.kill)
    patience.start()
    for line in server.stdout:
        found = re.search(r"ws://\S+", line)
        if found:
            patience.cancel()
            return server, found.group()
    patience.cancel()
    server.kill()
    server.wait()
    raise Failed(f"{command[0]} did not start")


def one_run(loadgen, server_command, load, args):
    """Starts a server on an empty directory, loads it once, and returns loadgen's figures."""
    data = tempfile.mkdtemp(prefix="chatcore-bench-", dir=args.data)
    command = [part.format(data=data) for part in server_command]
    try:
        with open(pathlib.Path(data) / "stderr", "w+") as log:
            server, url = started(command, log)
            try:
                load = [loadgen, *load.split(), "--url", url, "--server-pid", str(server.pid), "--json",
                        "--seconds", str(args.seconds)]
                ran = subprocess.run(load, capture_output=True, text=True, timeout=RUN_SECONDS)
            finally:
                server.kill()
                server.wait()
        if ran.returncode != 0:
            raise Failed(ran.stderr.strip())
        return json.loads(ran.stdout)
    except subprocess.TimeoutExpired:
        raise Failed(f"no end within {RUN_SECONDS} s")
    finally:
        shutil.rmtree(data, ignore_errors=True)


def executable(build, name):
    for path in sorted(pathlib.Path(build).rglob(name)):
        if path.is_file() and path.stat().st_mode & 0o100:
            return str(path)
    sys.exit(f"{name} is not built in {build}")


def measure(rows, args):
    """Rounds outermost, so that a budget that runs out leaves every row with nearly the same number of runs."""
    paths = {name: executable(args.build, name) for name in ("loadgen", "bare_send", "receive_once_send_twice")}
    ours_path = args.server or executable(args.build, "chat_server")
    results = {row[0]: [] for row in rows}
    failures = []
    deadline = time.monotonic() + args.budget
    for number in range(args.runs):
        for name, load, flags, limit, _ in rows:
            if time.monotonic() > deadline:
                return results, failures
            limit_name, *limit_flags = limit.split()
            sides = [("ours", [ours_path, "--listen", "127.0.0.1:0", "--data", "{data}/store", "--dev-auth",
                               "--rate-limit", "off", *flags.split()]),
                     ("limit", [paths[limit_name], *limit_flags])]
            try:
                both = {side: one_run(paths["loadgen"], command, load, args)
                        for side, command in (sides if number % 2 == 0 else reversed(sides))}
                results[name].append(both)
            except Failed as why:
                failures.append(f"{name}: {why}")
            if sys.stderr.isatty():
                print(f"\r{number + 1}/{args.runs} {name:60}", end="", file=sys.stderr, flush=True)
    return results, failures


def spread(values, digits):
    return " / ".join(f"{v:.{digits}f}" for v in (min(values), statistics.median(values), max(values)))


def table(rows, results):
    lines = ["| load | ours | limit | ratio | frames a read, ours / limit | p99 ms, ours / limit | runs |",
             "|---|---|---|---|---|---|---|"]
    for name, _, _, _, figure in rows:
        runs = results[name]
        if not runs:
            lines.append(f"| {name} | – | – | – | – | – | 0 |")
            continue
        scale, unit = (1000, "µs CPU") if figure == CPU else (1, "µs")
        ours = [run["ours"][figure] / scale for run in runs]
        limit = [run["limit"][figure] / scale for run in runs]
        ratios = [a / b for a, b in zip(ours, limit)]

        def medians(key, divisor, digits):
            return " / ".join(f"{statistics.median(run[side][key] for run in runs) / divisor:.{digits}f}"
                              for side in ("ours", "limit"))
        lines.append(f"| {name} | {spread(ours, 3)} {unit} | {spread(limit, 3)} {unit} | {spread(ratios, 2)} | "
                     f"{medians('framesPerRead', 1, 1)} | {medians('deliveryP99Us', 1000, 2)} | {len(runs)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="folder that holds the built programs")
    parser.add_argument("--server", help="another server executable with the same flags")
    parser.add_argument("--runs", type=int, default=5, help="runs of each side of each row (5)")
    parser.add_argument("--seconds", type=float, default=0.6, help="measured seconds of one run (0.6)")
    parser.add_argument("--budget", type=float, help="seconds after which no new pair of runs begins (48 a run)")
    parser.add_argument("--only", default="", help="only rows whose name matches this regular expression")
    parser.add_argument("--data", help="where data folders go: the disk that is synced (the system's temporary one)")
    parser.add_argument("--out", help="a file for the table")
    args = parser.parse_args()
    args.budget = args.budget or 48 * args.runs
    rows = [row for row in ROWS if re.search(args.only, row[0])]
    results, failures = measure(rows, args)
    text = (f"Each cell: min / median / max. CPU is the server's, all threads, a delivery. "
            f"{platform.machine()}, {platform.system()} {platform.release()}.\n\n{table(rows, results)}\n")
    if failures:
        text += "\nFailed runs:\n" + "".join(f"- {failure}\n" for failure in failures)
    print(text)
    if args.out:
        pathlib.Path(args.out).write_text(text, encoding="utf-8")
    return 1 if failures or any(not runs for runs in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
