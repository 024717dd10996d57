"""One small value kept in two copies, in two of three sectors.

No sector is erased unless another one holds the newest value. An old value is spoilt as soon as a
newer one is there, since it would be taken for the newest if that were lost.
"""

from micropython import const
from weir.store.slots import FlashWornOut

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from weir.store.slots import Slots

SECTORS = const(3)  # so that two are left to take turns when one goes bad

_COPIES = const(2)
_MASK = const(0xFFFFFFFF)
_HALF = const(0x80000000)
_NONE = const(-1)


class Cell:
    """A value of a fixed size. A write cut short leaves the old value or the new, whole.

    value_size: bytes, at most the payload of a slot.
    torn: writes behind the newest value that a mount could not read, at most. They were cut short,
        or were whole and have rotted.
    """

    def __init__(self, slots: "Slots", value_size: int) -> None:
        assert slots.sector_count == SECTORS
        assert value_size <= len(slots.payload)
        self._slots = slots
        self._value_size = value_size
        self._slot_next = [0] * SECTORS
        self._slot_valid = [0] * SECTORS  # newest valid slot of each sector that has a generation
        self._generation = [_NONE] * SECTORS
        self._newest = 0  # generation
        self.torn = 0
        for sector in range(SECTORS):
            self._mount(sector)

    def load(self) -> "bytes | None":
        """Return the value written last, None when there is none."""
        for sector in range(SECTORS):
            if self._holds_newest(sector):
                return bytes(self._slots.payload[: self._value_size])
        return None

    def store(self, value: "bytes | bytearray") -> None:
        """Replace the value. Durable once this returns, in two copies where two sectors work.

        Raises FlashWornOut when no sector takes it. The old value stays then.
        """
        assert len(value) == self._value_size
        if not self._write_copies(value, (self._newest + 1) & _MASK, 0):
            raise FlashWornOut

    def mend(self) -> None:
        """Write the newest value once more where fewer sectors hold it than should."""
        value = self.load()
        copies = sum(self._holds_newest(sector) for sector in range(SECTORS))
        if value is not None and copies < _COPIES:
            self._write_copies(value, self._newest, copies)

    def _write_copies(self, value: "bytes | bytearray", generation: int, copies: int) -> bool:
        """Add to the copies that stand; return whether there are any. Spoil what is older then."""
        oldest_first = sorted(range(SECTORS), key=self._age, reverse=True)
        for makes_room in (self._has_room, self._erase):
            for sector in oldest_first:
                if copies == _COPIES or self._generation[sector] == generation:
                    continue
                if makes_room(sector) and self._append(sector, value, generation):
                    copies += 1
        if not copies:
            return False
        for sector in oldest_first:
            if self._generation[sector] not in (_NONE, generation):
                self._slots.spoil(sector, 0)
                self._generation[sector] = _NONE
        return True

    def _age(self, sector: int) -> int:
        """Return by how many generations a sector is behind; none at all is the oldest."""
        generation = self._generation[sector]
        return _MASK if generation == _NONE else (self._newest - generation) & _MASK

    def _holds_newest(self, sector: int) -> bool:
        """Return whether a mount finds the newest value there. If so, it is in ``payload``."""
        slots = self._slots
        return (
            self._age(sector) == 0
            and slots.read(sector, 0)
            and slots.read(sector, self._slot_valid[sector])
        )

    def _has_room(self, sector: int) -> bool:
        """Return whether what is written there next is found by a mount."""
        return self._generation[sector] != _NONE and self._slots.read(sector, 0)

    def _erase(self, sector: int) -> bool:
        if max(self._generation) != _NONE and not any(
            other != sector and self._holds_newest(other) for other in range(SECTORS)
        ):
            return False
        self._generation[sector] = _NONE
        self._slot_next[sector] = 0
        return self._slots.erase(sector)

    def _append(self, sector: int, value: "bytes | bytearray", generation: int) -> bool:
        """Write to the next slot that takes it; return whether there is one."""
        slots = self._slots
        while self._slot_next[sector] < slots.per_sector:
            slot = self._slot_next[sector]
            slots.payload[: self._value_size] = value
            if slots.write(sector, slot, generation):
                self._slot_next[sector] = slot + 1
                self._slot_valid[sector] = slot
                self._generation[sector] = self._newest = generation
                return True
            if slot == 0 or slots.left_blank():
                break
            self._slot_next[sector] = slot + 1
        return False

    def _mount(self, sector: int) -> None:
        """A sector whose slot 0 is not valid may have been erased in part: it begins anew."""
        slots = self._slots
        if not slots.read(sector, 0):
            return
        last = slot = slots.last_written(sector)
        self._slot_next[sector] = slot + 1
        while not slots.read(sector, slot):  # ends at slot 0
            slot -= 1
        self.torn = max(self.torn, last - slot)
        is_newer = (slots.number - self._newest) & _MASK < _HALF
        if is_newer or max(self._generation) == _NONE:
            self._newest = slots.number
        self._slot_valid[sector] = slot
        self._generation[sector] = slots.number
