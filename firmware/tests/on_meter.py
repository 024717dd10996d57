"""Finds what runs the firmware as a meter does (CPython only)."""

import os

import pytest

from weir_tools.errors import Failed
from weir_tools.simulator import firmware


def micropython() -> str:
    """Return the path of a MicroPython; skip without one, but fail where CI=true wants it."""
    try:
        return firmware.micropython()
    except Failed as error:
        return _missing(str(error))


def _missing(reason: str) -> str:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
