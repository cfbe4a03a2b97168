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
            await asyncio.wait_for(test(**arguments), seconds)
        finally:
            for value in arguments.values():
                if isinstance(value, Chat):
                    await value.close()

    asyncio.run(run())
    return True


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if not report.failed:
        return
    for value in list(getattr(item, "funcargs", {}).values()):
        if isinstance(value, Chat):
            report.sections.append(("frames", value.transcript()))
        if isinstance(value, Server):
            report.sections.append(("server's stderr", value.stderr_tail()))
        if isinstance(value, ServerFactory):
            for each in value.started:
                report.sections.append(("server's stderr", each.stderr_tail()))


class ServerFactory:
    """Starts servers of a test's own and stops what it started."""

    def __init__(self, root):
        self.root = root
        self.started = []

    def data(self, name="data"):
        return str(self.root / name)

    def __call__(self, *flags, data=None, shards=1, **options):
        server = Server(data or self.data(), *flags, shards=shards, **options)
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
    running = Server(str(tmp_path_factory.mktemp("server") / "data"), *flags, shards=request.param)
    running.start()
    yield running
    code = running.stop()
    assert code == 0, f"the server ended with {code} after SIGTERM\n{running.stderr_tail()}"


@pytest.fixture
def start_server(tmp_path):
    factory = ServerFactory(tmp_path)
    yield factory
    factory.stop_all()


@pytest.fixture
def chat(server):
    """Devices on the module's server. Names are made unique for each test."""
    return Chat(server)
