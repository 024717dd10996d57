"""One small value kept in two copies, each in sectors of its own; writes are spread over them."""

from micropython import const
from weir.store.slots import FlashWornOut

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from weir.store.slots import Slots

SECTORS = const(2)  # one for each copy

_MASK = const(0xFFFFFFFF)
_HALF = const(0x80000000)


class Cell:
    """A value of a fixed size. A write cut short leaves the old value or the new, whole.

    value_size: bytes, at most the payload of a slot.
    """

    def __init__(self, slots: "Slots", value_size: int) -> None:
        assert slots.sector_count == SECTORS
        assert value_size <= len(slots.payload)
        self._slots = slots
        self._value_size = value_size
        self._slot_next = [0] * SECTORS
        self._slot_valid = [-1] * SECTORS  # newest valid slot of each copy, -1 for none
        self._generation = [0] * SECTORS
        for sector in range(SECTORS):
            self._mount(sector)

    def load(self) -> "bytes | None":
        """Return the value written last, None when there is none."""
        stalest = self._stalest()
        for sector in (1 - stalest, stalest):
            slot = self._slot_valid[sector]
            if slot >= 0 and self._slots.read(sector, slot):
                return bytes(self._slots.payload[: self._value_size])
        return None

    def store(self, value: bytes) -> None:
        """Replace the value. Durable once this returns, in both copies unless one is worn out.

        Raises FlashWornOut when neither copy takes it.
        """
        assert len(value) == self._value_size
        first = self._stalest()  # so that what is erased is never the newest
        generation = (self._generation[1 - first] + 1) & _MASK
        kept = self._store_in(first, value, generation)
        if not (self._store_in(1 - first, value, generation) or kept):
            raise FlashWornOut

    def _store_in(self, sector: int, value: bytes, generation: int) -> bool:
        slots = self._slots
        for _ in range(2):  # the rest of the sector, then once all of it erased
            while self._slot_next[sector] < slots.per_sector:
                slot = self._slot_next[sector]
                self._slot_next[sector] = slot + 1
                slots.payload[: self._value_size] = value
                if slots.write(sector, slot, generation):
                    self._slot_valid[sector] = slot
                    self._generation[sector] = generation
                    return True
                if slot == 0 or slots.left_blank():
                    break
            self._slot_valid[sector] = -1
            self._slot_next[sector] = 0 if slots.erase(sector) else slots.per_sector
        return False

    def _stalest(self) -> int:
        """Return the sector whose copy is missing or older, or the first when both are equal."""
        if self._slot_valid[1] < 0:
            return 1 if self._slot_valid[0] >= 0 else 0
        if self._slot_valid[0] < 0:
            return 0
        return 1 if (self._generation[1] - self._generation[0]) & _MASK >= _HALF else 0

    def _mount(self, sector: int) -> None:
        """A sector whose slot 0 is not valid may have been erased in part: it begins anew."""
        slots = self._slots
        self._slot_next[sector] = slots.per_sector
        if not slots.read(sector, 0):
            return
        slot = slots.last_written(sector)
        self._slot_next[sector] = slot + 1
        while not slots.read(sector, slot):  # ends at slot 0
            slot -= 1
        self._slot_valid[sector] = slot
        self._generation[sector] = slots.number
