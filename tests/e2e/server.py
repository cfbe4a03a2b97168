"""The chat_server process under test."""

import os
import re
import select
import signal
import subprocess
import tempfile
import time

READY = re.compile(r"^listening on ws://127\.0\.0\.1:(\d+)/v1/ws\s*$")
START_SECONDS = 15
STOP_SECONDS = 20


class Server:
    stdin = subprocess.DEVNULL

    def __init__(self, data, *flags, shards=1, durability="os", auth="--dev-auth", rate_limit="off",
                 listen="127.0.0.1:0"):
        self.data = data
        self.shards = shards
        self.command = [os.environ["CHAT_SERVER"], "--listen", listen, "--data", data, "--shards", str(shards)]
        if durability:
            self.command += ["--durability", durability]
        if rate_limit is not None:
            self.command += ["--rate-limit", str(rate_limit)]
        if auth:
            self.command.append(auth)
        self.command += list(flags)
        # The same tests hold where connections and engine are different servers.
        gateways = os.environ.get("CHAT_GATEWAYS", "0")
        if shards > 1 and gateways != "0":
            self.command += ["--gateways", gateways]
        self.process = None
        self.port = None
        self.hung = False
        self._stderr = None

    @property
    def pid(self):
        return self.process.pid

    def url(self, query=""):
        return f"ws://127.0.0.1:{self.port}/v1/ws" + (f"?{query}" if query else "")

    def start(self):
        os.makedirs(self.data, exist_ok=True)
        if self._stderr is None:
            self._stderr = tempfile.TemporaryFile()
        self.process = subprocess.Popen(self.command, stdin=self.stdin, stdout=subprocess.PIPE,
                                        stderr=self._stderr)
        self.port = self._wait_until_ready()

    def _wait_until_ready(self):
        deadline = time.monotonic() + START_SECONDS
        seen = b""
        output = self.process.stdout.fileno()
        while time.monotonic() < deadline:
            readable, _, _ = select.select([output], [], [], 0.2)
            if readable:
                piece = os.read(output, 4096)
                seen += piece
                for line in seen.decode(errors="replace").splitlines():
                    match = READY.match(line)
                    if match:
                        return int(match.group(1))
                if not piece:
                    break
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        raise AssertionError(f"no 'listening on' line within {START_SECONDS} s; exit {self.process.returncode}\n"
                             f"{' '.join(self.command)}\nstdout: {seen!r}\nstderr: {self.stderr_tail()}")

    def restart(self, shards=None):
        """Starts again on the same data; the process must have ended."""
        assert self.process.poll() is not None
        if shards is not None:
            self.shards = shards
            self.command[self.command.index("--shards") + 1] = str(shards)
        self.process.stdout.close()
        self.start()

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def kill(self):
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def wait(self, seconds=STOP_SECONDS):
        return self.process.wait(seconds)

    def stop(self):
        """The exit code; -9 if the server had to be killed because it did not drain in time."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.hung = True
                self.kill()
        if self.process.stdout and not self.process.stdout.closed:
            self.process.stdout.close()
        return self.process.returncode

    def stderr_tail(self, size=6000):
        if self._stderr is None:
            return ""
        # The process shares the file's offset, so it must not be moved.
        handle = self._stderr.fileno()
        return os.pread(handle, size, max(0, os.fstat(handle).st_size - size)).decode(errors="replace")
