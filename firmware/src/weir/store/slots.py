"""Slots of one size on raw flash: number u32, payload, CRC-32 of both. A slot is written once.

The CRC comes last, so a slot is wholly there or invalid, whenever power is cut.
"""

import binascii
import struct

from micropython import const

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from collections.abc import Callable

    from weir.hal.flash_region import FlashRegion

SLOT_SIZE = const(32)  # bytes; larger ones are this times a power of two

_BLANK = b"\xff" * SLOT_SIZE  # once for all


class FlashWornOut(Exception):
    """No sector of a region takes a write any more."""


def last_true(test: "Callable[[int], bool]", low: int, high: int, window: int) -> int:
    """Return the last index in ``low`` to ``high - 1`` that passes ``test``.

    ``low`` is known to pass. Passing indexes come before failing ones, except that up to
    ``window - 1`` in a row may fail among those that pass; each halving costs as many tests.
    """
    while high - low > 1:
        probe = (low + high) // 2
        middle = probe
        stop = min(middle + window, high)
        while probe < stop and not test(probe):
            probe += 1
        if probe < stop:
            low = probe
        else:
            high = middle
    return low


class Slots:
    """A run of sectors of a flash region, from ``base`` on, as slots.

    There is one buffer: ``number`` and ``payload`` are those of the last read.
    """

    def __init__(
        self, region: "FlashRegion", base: int, sector_count: int, slot_size: int = SLOT_SIZE
    ) -> None:
        assert base + sector_count <= region.sector_count
        assert region.sector_size % slot_size == 0
        unit = region.program_size
        assert slot_size % unit == 0 or unit % slot_size == 0
        self.sector_count = sector_count
        self.per_sector = region.sector_size // slot_size
        self.number = 0
        self._slot = memoryview(bytearray(slot_size))
        self.payload = self._slot[4:-4]
        self._sealed = self._slot[:-4]
        self._unit = memoryview(bytearray(unit)) if unit > slot_size else self._slot
        self._check = memoryview(bytearray(slot_size))
        self._blank = _BLANK if slot_size == SLOT_SIZE else b"\xff" * slot_size
        self._region = region
        self._base = base
        self._sector = 0

    def erase(self, sector: int) -> bool:
        """Make every slot of a sector blank. Loses ``payload``.

        Slot 0 is spoilt first: as long as it is valid, no erase has been cut. Returns False when
        a valid slot is left: the sector is bad, and would tell of what is long gone.
        """
        if not self.spoil(sector, 0):
            return False
        self._region.erase_sector(self._base + sector)
        return all(self.spoil(sector, slot) for slot in range(self.per_sector))

    def read(self, sector: int, slot: int) -> bool:
        """Read one slot; return whether it is valid."""
        self._region.read_into(self._offset(sector, slot), self._slot)
        (self.number,) = struct.unpack_from("<I", self._slot, 0)
        (crc,) = struct.unpack_from("<I", self._slot, len(self._sealed))
        return bool(crc == binascii.crc32(self._sealed))

    def was_blank(self) -> bool:
        """Return whether the slot read last was blank."""
        return bool(self._slot == self._blank)

    def is_blank(self, sector: int, slot: int) -> bool:
        self._region.read_into(self._offset(sector, slot), self._check)
        return bool(self._check == self._blank)

    def write(self, sector: int, slot: int, number: int) -> bool:
        """Write ``payload`` under ``number``. Return whether it reads back: durable when True.

        A slot that is not blank is left alone.
        """
        if not self.is_blank(sector, slot):
            return False
        struct.pack_into("<I", self._slot, 0, number)
        struct.pack_into("<I", self._slot, len(self._sealed), binascii.crc32(self._sealed))
        self.number = number
        self._program(self._offset(sector, slot))
        self._region.read_into(self._offset(sector, slot), self._check)
        return bool(self._check == self._slot)

    def left_blank(self) -> bool:
        """Return whether a write that returned False has left its slot blank.

        What is written behind such a slot would not be found by ``last_written``.
        """
        return bool(self._check == self._blank)

    def spoil(self, sector: int, slot: int) -> bool:
        """Make a slot invalid for good; return whether it is. Loses ``payload``."""
        if not self.read(sector, slot):
            return True
        for index in range(len(self._slot)):
            self._slot[index] = 0
        self._program(self._offset(sector, slot))
        return not self.read(sector, slot)

    def last_written(self, sector: int) -> int:
        """Return the last slot of a sector that is not blank, -1 when all are.

        Whoever writes leaves no blank slot behind; see ``left_blank``.
        """
        self._sector = sector
        return last_true(self._is_written, -1, self.per_sector, 1)

    def _is_written(self, slot: int) -> bool:
        return not self.is_blank(self._sector, slot)

    def _program(self, offset: int) -> None:
        """Program the slot. A part that takes larger units gets 0xFF around it: no change."""
        unit = self._unit
        size = len(unit)
        if size > len(self._slot):
            for index in range(size):
                unit[index] = 0xFF
            start = offset % size
            unit[start : start + len(self._slot)] = self._slot
            offset -= start
        self._region.program_from(offset, unit)

    def _offset(self, sector: int, slot: int) -> int:
        return (self._base + sector) * self._region.sector_size + slot * len(self._slot)
