"""What must never be lost nor go back, in two copies: one for both rings and the session."""

import struct

from micropython import const
from weir.store.slots import FlashWornOut

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from weir.store.cell import Cell

    class Registers(Protocol):
        """See weir.metrology.registers."""

        forward_pulses: int
        reverse_pulses: int


VALUE_SIZE = const(24)  # bytes in the cell
READINGS = const(0)  # places in ``sequence_ends``
EVENTS = const(1)

_VALUE = const("<IIIIII")  # in the order of Checkpoint._store
_FRAMES = const(64)  # counters reserved by one write; a start skips what is left of them
_FRAME_END = const(0xFFFFFFFF)


class CounterExhausted(Exception):
    """No frame counter of this epoch is left, or none can be reserved. The meter needs a key."""


class Checkpoint:
    """Numbers that are used once, reserved in flash before they are used.

    Frame counters are reserved in blocks, sequences a sector at a time. The registers ride along
    with every write.

    epoch: of the counters and of both rings, None when flash holds none.
    sequence_ends: of each ring, one above the sequences that it may have used. So a sector that
        is lost with all that told of it is still known of.
    """

    def __init__(
        self, cell: "Cell", draw_u32: "Callable[[], int]", registers: "Registers"
    ) -> None:
        """Load what flash holds, the registers too. Writes nothing."""
        self._cell = cell
        self._draw_u32 = draw_u32
        self._registers = registers
        self._frame_end = 1
        self.epoch: int | None = None
        self.sequence_ends = [0, 0]
        value = cell.load()
        if value is not None:
            self.epoch, self._frame_end, forward, reverse, *ends = struct.unpack(_VALUE, value)
            registers.forward_pulses, registers.reverse_pulses = forward, reverse
            self.sequence_ends = ends
            # Those of a write that has rotted in both copies may have been used.
            self._frame_end = min(self._frame_end + cell.torn * _FRAMES, _FRAME_END)
        self._frame_next = self._frame_end

    def epoch_of_format(self) -> int:
        """Return the epoch of a ring that is formatted, drawn when there is none.

        Durable once this returns: a ring without its frame counter would repeat nonces.
        """
        if self.epoch is None:
            self.epoch = self._draw_u32()
            if not self._store(self._frame_end):
                raise FlashWornOut
        return self.epoch

    def reserve_sequences(self, ring: int, end: int) -> None:
        """Durable once this returns, unless the cell is worn out: a ring goes on without."""
        self.sequence_ends[ring] = end
        self._store(self._frame_end)

    def next_frame(self) -> int:
        """Return the next frame counter, from 1. It is never returned again, after any start.

        Raises CounterExhausted at the end of 32 bits, or when flash takes no reservation.
        """
        number = self._frame_next
        if number == self._frame_end:
            end = min(number + _FRAMES, _FRAME_END)
            if number == end or not self._store(end):
                raise CounterExhausted
            self._frame_end = end
        self._frame_next = number + 1
        return number

    def _store(self, frame_end: int) -> bool:
        registers = self._registers
        value = struct.pack(
            _VALUE,
            self.epoch,
            frame_end,
            registers.forward_pulses,
            registers.reverse_pulses,
            *self.sequence_ends,
        )
        try:
            self._cell.store(value)
        except FlashWornOut:
            return False
        return True
