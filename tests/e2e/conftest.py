"""Fixtures: a real chat_server process, and devices that talk to it.

Tests are plain `async def` functions; each runs in an event loop of its own, within a time limit.
"""

import asyncio
import inspect
import os
import resource
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

pytest.register_assert_rewrite("device")

from device import Chat  # noqa: E402
from server import Server  # noqa: E402

TEST_SECONDS = 30
SLOW_TEST_SECONDS = 60


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes more than a few seconds")
    config.server_class = Server  # a plugin may have another, and another way to run a test's body
    config.run_body = asyncio.wait_for
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    executable = os.environ.get("CHAT_SERVER", "")
    if not config.option.collectonly and not os.access(executable, os.X_OK):
        pytest.exit("set CHAT_SERVER to the chat_server executable", returncode=2)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    test = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    seconds = SLOW_TEST_SECONDS if pyfuncitem.get_closest_marker("slow") else TEST_SECONDS

    async def run():
        try:
            await pyfuncitem.config.run_body(test(**arguments), seconds)
        finally:
            for chat in Chat.all:
                await chat.close()

    asyncio.run(run())
    return True


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for chat in Chat.all:
            report.sections.append(("frames", chat.transcript()))
        for value in list((getattr(item, "funcargs", None) or {}).values()):
            for each in value.started if isinstance(value, ServerFactory) else [value]:
                if isinstance(each, Server):
                    report.sections.append(("server's stderr", each.stderr_tail()))
    if call.when == "teardown":
        Chat.all.clear()


class ServerFactory:
    """Starts servers of a test's own and stops what it started."""

    def __init__(self, root, server_class):
        self.root = root
        self.server_class = server_class
        self.started = []

    def data(self, name="data"):
        return str(self.root / name)

    def __call__(self, *flags, data=None, shards=1, **options):
        server = self.server_class(data or self.data(), *flags, shards=shards, **options)
        self.started.append(server)
        server.start()
        return server

    def stop_all(self):
        for server in self.started:
            server.stop()


@pytest.fixture(scope="module", params=[1, 2], ids=["1-shard", "2-shards"])
def server(request, tmp_path_factory):
    """One server for all tests of a module; the module may name extra flags in SERVER_FLAGS."""
    flags = getattr(request.module, "SERVER_FLAGS", [])
    running = request.config.server_class(str(tmp_path_factory.mktemp("server") / "data"), *flags, shards=request.param)
    running.start()
    yield running
    code = running.stop()
    assert code == 0, f"the server ended with {code} after SIGTERM\n{running.stderr_tail()}"


@pytest.fixture
def start_server(request, tmp_path):
    factory = ServerFactory(tmp_path, request.config.server_class)
    yield factory
    factory.stop_all()


@pytest.fixture
def chat(server):
    """Devices on the module's server. Names are made unique for each test."""
    return Chat(server)
