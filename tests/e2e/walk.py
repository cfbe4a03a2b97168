"""Every step fails once: plays each test again and again while the first, the second, … call of the server's ports
fails, until it passes untouched. A plugin for `walk.sh`, against `fault_chat_server`.

Whatever fails, every request on a connection that stays is answered, the process lives until it is told to end and ends
well, and every user of the test can come with a new device and sync. What the test itself says of the server is not
asked for where a call fails: it does not know that one may.
"""

import asyncio
import os
import select
import shutil
import signal
import subprocess
import time
import zlib

import pytest
from _pytest.runner import runtestprotocol

pytest.register_assert_rewrite("device")

from device import Chat, Closed, Device
from server import Server

ANSWER_SECONDS = 10
ORDER_SECONDS = 20
FAULTY_PATIENCE = 2.0
TRIES = 40
MANY_AT_ONCE = 4  # times as long as a test alone
USERS_LOOKED_AT = 4
EVERY_CALL_UP_TO = 100
ONE_OF = 24
BAD_SIGNS = ("Sanitizer:", "runtime error:", "Assertion", "did not answer before the stop")


def pytest_addoption(parser):
    parser.addoption("--walk", choices=("refused", "written", "either"), default="either",
                     help="a call that fails is not made; is made and said to have failed; or the one here, the other there")
    parser.addoption("--walk-calls", default="every",
                     help="every; sparse: beyond the first hundred, each a twentieth further; 20-25: to play what failed "
                          "again; one: of each test, chosen by its name, and the test is not played untouched after it")


@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    FaultServer.fault = None
    config.server_class = FaultServer
    config.run_body = run_body
    config.pluginmanager.register(Walk(config), "walker")


class FaultServer(Server):
    """`fault_chat_server`, of which the n-th call of a port fails when it is told to."""

    stdin = subprocess.PIPE
    fault = None  # what servers are told as soon as they run: "12 refused"
    known = []

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.killed = False
        self._read_of_stderr = 0
        FaultServer.known.append(self)

    def start(self):
        super().start()
        self.killed = False
        if FaultServer.fault:
            self.order(f"fail {FaultServer.fault}", "armed")

    def kill(self):
        self.killed = True
        super().kill()

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def order(self, line, answer):
        os.write(self.process.stdin.fileno(), line.encode() + b"\n")
        told = b""
        while b"\n" not in told:
            answers = select.poll()  # select() takes no descriptor over 1023
            answers.register(self.process.stdout, select.POLLIN)
            piece = os.read(self.process.stdout.fileno(), 4096) if answers.poll(ORDER_SECONDS * 1000) else b""
            assert piece, f"the server ended or hangs when it is told: {line}\n{self.stderr_tail()}"
            told += piece
        assert told.decode().split() == [answer], (line, told)

    @classmethod
    def forget_ended(cls):
        for server in cls.known:
            if not server.alive():
                shutil.rmtree(server.data, ignore_errors=True)  # thousands of them fill a disk
        cls.known = [server for server in cls.known if server.alive()]

    def heal(self):
        if self.alive():
            self.order("heal", "healed")

    def said(self):
        """What it wrote to stderr since it was last asked."""
        if self._stderr is None:
            return ""
        size = os.fstat(self._stderr.fileno()).st_size
        text = os.pread(self._stderr.fileno(), size - self._read_of_stderr, self._read_of_stderr)
        self._read_of_stderr = size
        return text.decode(errors="replace")

    def trouble(self):
        """Why it cannot be said to have ended well, if it has ended."""
        if self.process is None or self.alive():
            return None
        if self.hung:
            return "the server did not stop in time"
        code = self.process.returncode
        return f"the server ended with {code}" if code != 0 and not (self.killed and code == -signal.SIGKILL) else None


class Attempt:
    """One run of a test, with one call that fails."""

    now = None

    def __init__(self, fault):
        self.fault = fault
        self.output = ""
        self.disturbed = None
        self.healed = False
        Attempt.now = self
        FaultServer.fault = fault
        for server in FaultServer.known:
            server.said()
            if server.alive():
                server.order(f"fail {fault}" if fault else "heal", "armed" if fault else "healed")
        Device.patience = self.patience
        Device.tries = TRIES if fault else 1

    def patience(self):
        """What is not answered by then will not be, once a call has failed."""
        return FAULTY_PATIENCE if self.met() and not self.healed else None

    def met(self):
        """The calls that have failed."""
        for server in FaultServer.known:
            self.output += server.said()
        return [line for line in self.output.splitlines() if line.startswith("fault: call")]

    def trouble(self):
        signs = [line for line in self.output.splitlines() if any(sign in line for sign in BAD_SIGNS)]
        return [found for found in [server.trouble() for server in FaultServer.known] if found] + signs


async def run_body(body, seconds):
    failure = None
    try:
        await asyncio.wait_for(body, seconds * MANY_AT_ONCE)
    except (Exception, pytest.fail.Exception) as raised:  # noqa: BLE001
        failure = raised
    attempt = Attempt.now
    met = attempt.met()
    attempt.disturbed = failure
    try:
        await look(attempt)
    except AssertionError as found:
        raise AssertionError(f"{found}\n{' '.join(met)}, {attempt.fault}") from failure
    if failure and not met:
        raise failure


async def look(attempt):
    """Whether everybody was answered and can go on."""
    chats = [chat for chat in Chat.all if chat.server.alive()]
    for chat in chats:
        for device in chat.devices:
            missing = await device.everything_answered(ANSWER_SECONDS)
            assert not missing, f"{device.label}: no answer to {missing}\n{chat.transcript()}"
    for server in FaultServer.known:
        server.heal()
    attempt.healed = True
    Device.tries = TRIES
    await asyncio.gather(*[come_back(chat, user) for chat in chats for user in users_of(chat)])


def users_of(chat):
    """Of those that need no token."""
    named = (device.label.split("/")[0] for device in chat.devices if device.user)
    return list(dict.fromkeys(named))[:USERS_LOOKED_AT]


async def come_back(chat, user):
    try:
        device = await chat.connect(user, "walk")
    except Closed:
        return  # an answer too: it may have as many devices as a user may
    page = await device.request("sync", watermarks={})
    assert page["type"] in ("sync.page", "error") and page.get("code") != "unavailable", \
        f"{user} cannot sync: {page.raw}\n{chat.transcript()}"


def number_of(item):
    """By which something is chosen for a test: the same in every process."""
    return zlib.crc32(item.nodeid.encode())


class Walk:
    def __init__(self, config):
        self.kind = config.option.walk
        self.calls = config.option.walk_calls
        self.attempts = self.failed = self.undisturbed = self.longest = 0

    def pytest_collection_modifyitems(self, config, items):
        """What starts no server makes no call."""
        chosen = [item for item in items if {"server", "start_server"} & set(item.fixturenames)]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item, nextitem):
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        if self.calls == "one":
            self.play_one(item, nextitem)
        else:
            self.walk(item, nextitem)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def play_one(self, item, nextitem):
        for report in self.attempt(item, 1 + number_of(item) % ONE_OF, nextitem)[0]:
            item.ihook.pytest_runtest_logreport(report=report)

    def walk(self, item, nextitem):
        for call in self.calls_to_fail():
            # What is the module's stays.
            reports, met = self.attempt(item, call, item.parent)
            failures = [report for report in reports if report.failed]
            for report in failures:
                item.ihook.pytest_runtest_logreport(report=report)
            if failures or not met or any(report.skipped for report in reports):
                break
        # Untouched, by which a test is said to have passed.
        Attempt(None)
        runtestprotocol(item, nextitem=nextitem)

    def calls_to_fail(self):
        if "-" in self.calls:
            first, last = self.calls.split("-")
            return range(int(first), int(last) + 1)
        return self.growing()

    def growing(self):
        call = 1
        while True:
            yield call
            sparse = self.calls == "sparse" and call >= EVERY_CALL_UP_TO
            call += max(1, call // 20) if sparse else 1

    def fault(self, item, call):
        either = ("refused", "written")[(number_of(item) // ONE_OF + call) % 2]
        return f"{call} {either if self.kind == 'either' else self.kind}"

    def attempt(self, item, call, nextitem):
        """Plays it once: the reports, one of them failed if anything is wrong, and whether the fault was met."""
        attempt = Attempt(self.fault(item, call))
        begun = time.monotonic()
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        met = attempt.met()
        self.count(attempt, met, time.monotonic() - begun)
        trouble = attempt.trouble()
        FaultServer.forget_ended()
        if trouble and not any(report.failed for report in reports):
            reports[-1].outcome = "failed"
            reports[-1].longrepr = f"{trouble}\n{met}, {attempt.fault}\n{attempt.output[-6000:]}"
        return reports, bool(met)

    def count(self, attempt, met, seconds):
        self.attempts += 1
        self.failed += bool(met)
        self.undisturbed += bool(met) and attempt.disturbed is None
        self.longest = max(self.longest, seconds)

    def pytest_terminal_summary(self, terminalreporter):
        terminalreporter.write_line(
            f"{self.attempts} runs, of which a call failed in {self.failed}, {self.undisturbed} of these played to the end; "
            f"the longest took {self.longest:.1f} s")
