"""The settings kept in flash: one blob of any length in two copies, in two of three sectors.

Each copy is a slot: generation, format, length, blob, CRC-32 (see ``slots`` and ``cell``).
"""

import struct

from micropython import const
from weir.store.cell import SECTORS, Cell
from weir.store.slots import FlashWornOut, Slots

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from weir.hal.flash_region import FlashRegion

_SLOT_SIZE_MAX = const(1024)  # bytes: room for two sets of all settings
_SLOT_FRAME_SIZE = const(8)  # generation and CRC
_HEAD = const("<BH")  # format, length of the blob
_HEAD_SIZE = const(3)
_FORMAT = const(1)


class Vault:
    """A blob. A store cut short leaves the old blob or the new, whole.

    It holds no memory between calls: settings change rarely, and a board has little.

    size_max: bytes of the longest blob.
    """

    def __init__(self, flash: "FlashRegion", sector: int) -> None:
        """Take ``SECTORS`` sectors of the region from ``sector`` on. Reads nothing yet."""
        self._flash = flash
        self._sector = sector
        self._slot_size = min(_SLOT_SIZE_MAX, flash.sector_size)
        self._value_size = self._slot_size - _SLOT_FRAME_SIZE
        self.size_max = self._value_size - _HEAD_SIZE

    def load(self) -> "bytes | None":
        """Return the blob stored last, None when there is none that this firmware can read.

        A copy that has rotted or was never finished is written again from the other.
        """
        cell = self._open()
        cell.mend()
        value = cell.load()
        if value is None:
            return None
        kind, size = struct.unpack_from(_HEAD, value, 0)
        if kind != _FORMAT or size > self.size_max:
            return None
        return value[_HEAD_SIZE : _HEAD_SIZE + size]

    def store(self, blob: bytes) -> bool:
        """Replace the blob; return whether flash took it. Durable in two copies once it returns.

        The old blob stays when it is too long, or when no sector takes a write any more.
        """
        if len(blob) > self.size_max:
            return False
        value = bytearray(b"\xff" * self._value_size)  # no program for what is not used
        struct.pack_into(_HEAD, value, 0, _FORMAT, len(blob))
        value[_HEAD_SIZE : _HEAD_SIZE + len(blob)] = blob
        try:
            self._open().store(value)
        except FlashWornOut:
            return False
        return True

    def _open(self) -> Cell:
        slots = Slots(self._flash, self._sector, SECTORS, self._slot_size)
        return Cell(slots, self._value_size)
