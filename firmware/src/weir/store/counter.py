"""The frame counter: numbers that are used once, whatever power cuts come between."""

import struct

from micropython import const

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from weir.store.cell import Cell

VALUE_SIZE = const(8)  # bytes in the cell

_VALUE = const("<II")  # epoch, end of the numbers reserved
_BLOCK = const(64)  # numbers reserved by one write; a start skips what is left of its block
_END = const(0xFFFFFFFF)


class CounterExhausted(Exception):
    """Every number of this epoch is used. The meter needs a new key."""


class FrameCounter:
    """Numbers 1, 2, ... of one epoch, reserved in flash in blocks before they are used.

    epoch: the one the numbers belong to, None when flash holds no counter.
    """

    def __init__(self, cell: "Cell") -> None:
        self._cell = cell
        self.epoch: int | None = None
        self._next = self._reserved_end = 1
        value = cell.load()
        if value is not None:
            self.epoch, self._reserved_end = struct.unpack(_VALUE, value)
            self._next = self._reserved_end

    def restart(self, epoch: int) -> None:
        """Begin again at 1 for an epoch that has never been used. Durable once this returns."""
        self.epoch = epoch
        self._next = 1
        self._reserve(1)

    def next(self) -> int:
        """Return the next number. It is never returned again, in this boot or a later one.

        Raises CounterExhausted at the end of 32 bits.
        """
        number = self._next
        if number == self._reserved_end:
            if number == _END:
                raise CounterExhausted
            self._reserve(min(number + _BLOCK, _END))
        self._next = number + 1
        return number

    def _reserve(self, end: int) -> None:
        self._cell.store(struct.pack(_VALUE, self.epoch, end))
        self._reserved_end = end
