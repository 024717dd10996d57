"""AES-128 of this interpreter."""

import sys

TYPE_CHECKING = False  # mypy takes this name for True; the meter never runs the import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def find_aes() -> "Callable[..., Any]":
    """Return MicroPython's own, or on CPython the host library in the same form."""
    if sys.implementation.name == "micropython":
        from cryptolib import aes

        return aes
    from weir.ports.aes_on_host import HostAes

    return HostAes
