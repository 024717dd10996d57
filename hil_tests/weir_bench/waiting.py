"""Waiting for a condition, never for luck."""

import time
from collections.abc import Callable

from weir_bench.errors import BenchFault

PATIENCE_S = 60.0
"""For what takes milliseconds on a quiet machine. It ends a test that would hang; it measures
nothing."""

_LOOK_EVERY_S = 0.005


def wait_until(
    condition: Callable[[], bool], what: str, *, patience_s: float = PATIENCE_S
) -> None:
    """Return when the condition holds. Raise BenchFault, naming ``what``, when it never does."""
    give_up_s = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > give_up_s:
            raise BenchFault(f"waited {patience_s:g} s in vain: {what}")
        time.sleep(_LOOK_EVERY_S)
