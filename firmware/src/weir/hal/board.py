"""Contract of a board: all that a port gives to the firmware."""

TYPE_CHECKING = False  # mypy takes this name for True; the meter never runs the import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from weir.hal.analog import Analog
    from weir.hal.byte_link import ByteLink
    from weir.hal.clock import Clock
    from weir.hal.flash_region import FlashRegion
    from weir.hal.key_store import KeyStore
    from weir.hal.power import Power
    from weir.hal.pulse_counter import PulseCounter
    from weir.hal.senses import Senses
else:
    Protocol = object


class Board(Protocol):
    """One of each, ready for use."""

    @property
    def clock(self) -> "Clock": ...

    @property
    def power(self) -> "Power": ...

    @property
    def pulses(self) -> "PulseCounter": ...

    @property
    def senses(self) -> "Senses": ...

    @property
    def analog(self) -> "Analog": ...

    @property
    def link(self) -> "ByteLink": ...

    @property
    def flash(self) -> "FlashRegion": ...

    @property
    def keys(self) -> "KeyStore": ...

    @property
    def aes(self) -> "Callable[..., Any]":
        """Makes AES-128 with ``encrypt(blocks)``: ``aes(key, 1)`` ECB, ``aes(key, 2, iv)`` CBC."""

    def draw_u32(self) -> int:
        """Return 32 bits that nobody can foresee."""
