"""Runs one side of a row once: starts what it needs, loads it, and gives back the figures."""

import contextlib
import json
import pathlib
import re
import shlex
import shutil
import socket
import subprocess
import tempfile
import threading
import time

START_SECONDS, RUN_SECONDS = 10, 240
PROGRAMS = ("chat_server", "loadgen", "bare_send", "receive_once_send_twice", "raw_rocksdb_writer", "store_bench")


class Failed(Exception):
    pass


def executable(build, name):
    for path in sorted(pathlib.Path(build).rglob(name)):
        if path.is_file() and path.stat().st_mode & 0o100:
            return str(path)
    raise SystemExit(f"{name} is not built in {build}")


def paths(build, server):
    """Where every program is that a row may name."""
    found = {name: executable(build, name) for name in PROGRAMS if not (name == "chat_server" and server)}
    if server:
        found["chat_server"] = server
    found["start.sh"] = str(pathlib.Path(__file__).parent / "peers" / "start.sh")
    return found


def free_port():
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return asked.getsockname()[1]


def address_of(server, port):
    """What the server prints, or for one that was told its port: when that is open."""
    if port is None:
        patience = threading.Timer(START_SECONDS, server.kill)
        patience.start()
        try:
            for line in server.stdout:
                if found := re.search(r"ws://\S+", line):
                    return found.group()
        finally:
            patience.cancel()
    else:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and server.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return f"ws://127.0.0.1:{port}/"
            time.sleep(0.05)
    raise Failed("the server did not start")


def loaded(command, port, load, folder, gently=False):
    with open(folder / "stderr", "w+", encoding="utf-8") as log:
        server = subprocess.Popen(command, stdout=subprocess.PIPE if port is None else subprocess.DEVNULL,
                                  stderr=log, text=True)
        try:
            url = address_of(server, port)
            return printed([*load, "--url", url, "--server-pid", str(server.pid), "--json"])
        finally:
            server.terminate() if gently else server.kill()
            server.wait()


def printed(command):
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS)
    except subprocess.TimeoutExpired as late:
        raise Failed(f"no end within {RUN_SECONDS} s") from late
    if ran.returncode != 0:
        raise Failed((ran.stderr.strip() or f"exit code {ran.returncode}").splitlines()[0])
    figures = json.loads(ran.stdout)
    if "benchmarks" in figures:  # of Google Benchmark
        (only,) = figures["benchmarks"]
        if only.get("error_occurred"):
            raise Failed(only["error_message"])
        return {"cpuNsPerMessage": only["cpu_us"] * 1000, "cpuNsPerPage": only["cpu_us"] * 1000}
    return figures


def run(side, programs, args, seconds):
    """One run on an empty folder."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="chatcore-bench-", dir=args.data))
    port = free_port() if "{port}" in side.command else None
    try:
        words = shlex.split(side.command.format(data=folder, port=port))
        command = [programs.get(word, word) for word in words]
        if not side.load:
            return printed(command)
        if side.before:
            loaded(command, port, [programs["loadgen"], *side.before.split()], folder, gently=True)
        load = [programs["loadgen"], *side.load.split()]
        return loaded(command, port, load + (["--seconds", str(seconds)] if seconds else []), folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def is_installed(side):
    return not side.needs or bool(shutil.which(side.needs, path="/usr/bin:/usr/sbin:/bin:/sbin"))
