"""Fixtures and the process come from the end-to-end tests; only the time limit is longer."""

import importlib.util
import os
import sys

E2E = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e")
spec = importlib.util.spec_from_file_location("e2e_conftest", os.path.join(E2E, "conftest.py"))
e2e = importlib.util.module_from_spec(spec)
sys.modules["e2e_conftest"] = e2e
spec.loader.exec_module(e2e)
e2e.TEST_SECONDS = 1200
e2e.SLOW_TEST_SECONDS = 1200

from e2e_conftest import (chat, pytest_configure, pytest_pyfunc_call, pytest_runtest_makereport,  # noqa: E402, F401
                          server, start_server)
