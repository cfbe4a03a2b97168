"""The server process and the raw client are those of the end-to-end tests."""

import logging
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))


# That a killed server's socket takes no more is what these tests are about.
logging.getLogger("asyncio").setLevel(logging.ERROR)


def pytest_configure(config):
    if not config.option.collectonly and not os.access(os.environ.get("CHAT_SERVER", ""), os.X_OK):
        pytest.exit("set CHAT_SERVER to the chat_server executable", returncode=2)
