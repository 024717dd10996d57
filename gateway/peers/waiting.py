"""Waiting for a condition: generous in time, never for luck."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

WAIT_S_MAX = 90.0  # for what takes milliseconds on a quiet machine; it ends what would hang


def wait_for(condition: Callable[[], T], what: str, *, seconds: float = WAIT_S_MAX) -> T:
    """Return the first true value of ``condition``. Fail the test when none comes in time."""
    ends_at_s = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > ends_at_s:
            raise AssertionError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.01)
    return value
