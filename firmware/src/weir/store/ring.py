"""Ring of numbered payloads on raw flash that survives a power cut at any moment.

Each sector begins with a header slot: generation (one more for each sector begun), magic, epoch,
and the sequence of the sector's first record. Records fill the other slots in order. Worn slots
are skipped; a torn one has used up its sequence, so a mount that finds it goes on after that. A
sector whose header does not hold is passed over. Sectors are begun in
turn around the region, so generations are sorted but for one step down, and a mount finds the
newest by halving instead of reading every slot.
"""

import struct

from micropython import const
from weir.store.slots import SLOT_SIZE, FlashWornOut, last_true

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from typing import Protocol

    from weir.store.slots import Slots

    class Numbers(Protocol):
        """What is kept apart from the ring; see weir.store.checkpoint.Checkpoint."""

        sequence_ends: list[int]

        def epoch_of_format(self) -> int: ...
        def reserve_sequences(self, ring: int, end: int) -> None: ...


PAYLOAD_SIZE = SLOT_SIZE - 8  # bytes

_HEADER = const("<III")  # magic, epoch, sequence of the first record
_MAGIC = const(0x31475257)  # "WRG1"
_MASK = const(0xFFFFFFFF)
_HALF = const(0x80000000)
_WINDOW = const(8)  # up to one less bad sectors in a row cost no more than reads at each halving


class RingLog:
    """Append-only. When full, the records of the oldest sector make room, together.

    epoch: drawn when the ring was formatted; (epoch, sequence) never names two records.
    sequence_oldest: of the oldest record kept; equal to sequence_next when there is none.
    sequence_next: what the next append gets. Sequences count modulo 2**32.
    """

    def __init__(self, slots: "Slots", numbers: "Numbers", place: int) -> None:
        """Mount the ring, or format it when no sector of one is found.

        A ring that is formatted begins at the end of what is reserved for it.
        place: of the ring in ``numbers.sequence_ends``.
        """
        assert slots.sector_count >= 2  # one is erased, the others keep history
        self._slots = slots
        self._sector_count = slots.sector_count
        self._numbers = numbers
        self._place = place
        self._newest = self._oldest = slots.sector_count - 1
        self._generation = 0  # of the newest sector
        self._slot_next = 1
        self._sector_end = 0  # one above the sequences that fit in the newest sector
        self._read_sector = self._read_first = 0  # where the last read was: sector, its sequence
        self._sought = 0
        self.epoch = 0
        self.sequence_next = self.sequence_oldest = numbers.sequence_ends[place]
        base = self._find_base(_WINDOW)
        if base < 0:
            self.epoch = numbers.epoch_of_format()
            self._begin_sector()
            self._oldest = self._newest
        else:
            self._mount(base)

    def append(self, payload: "bytes | bytearray") -> int:
        """Store PAYLOAD_SIZE bytes; return their sequence. Durable once this returns.

        Raises FlashWornOut when no slot of the region takes it.
        """
        slots = self._slots
        sequence = self.sequence_next
        for _ in range(slots.per_sector * self._sector_count):
            if self._slot_next == slots.per_sector:
                self._begin_sector()
            if self._reserved() != self._sector_end:
                self._numbers.reserve_sequences(self._place, self._sector_end)
            slot = self._slot_next
            self._slot_next = slot + 1
            slots.payload[:] = payload
            if slots.write(self._newest, slot, sequence):
                self.sequence_next = (sequence + 1) & _MASK
                return sequence
            if slots.left_blank():
                self._slot_next = slots.per_sector
        raise FlashWornOut

    def skip_to(self, sequence: int) -> None:
        """Let the next append get ``sequence``, unless that is not ahead. Durable when it returns.

        Begins a sector, in which what follows is found where it is looked for.
        """
        skipped = (sequence - self.sequence_next) & _MASK
        if skipped and skipped + self._kept() < _HALF:
            self.sequence_next = sequence
            self._begin_sector()

    def _kept(self) -> int:
        return (self.sequence_next - self.sequence_oldest) & _MASK

    def read_into(self, sequence: int, payload: "bytearray | memoryview") -> bool:
        """Fill ``payload`` with a record's bytes. False when the ring does not have it."""
        if (sequence - self.sequence_oldest) & _MASK >= self._kept():
            return False
        if not self._find(sequence):
            self._seek(sequence)
            if not self._find(sequence):
                return False
        payload[:] = self._slots.payload
        return True

    def passed_over(self, sequence: int) -> int:
        """Return where what can be read ends before ``sequence``, which could not be read."""
        end = (self._read_first + self._slots.last_written(self._read_sector)) & _MASK
        kept_before = (sequence - self.sequence_oldest) & _MASK
        return end if (sequence - end) & _MASK <= kept_before else sequence

    def _find(self, sequence: int) -> bool:
        """Read the record from the sector sought last. Torn slots can only have moved it on."""
        slots = self._slots
        slot = 1 + ((sequence - self._read_first) & _MASK)
        while slot < slots.per_sector:
            if slots.read(self._read_sector, slot):
                behind = (sequence - slots.number) & _MASK
                if behind == 0 or behind >= _HALF:
                    return behind == 0
            elif slots.was_blank():
                return False  # nothing is written behind a blank slot
            slot += 1
        return False

    def _seek(self, sequence: int) -> None:
        """Choose the last sector that begins at or before ``sequence``."""
        self._sought = sequence
        in_use = (self._newest - self._oldest) % self._sector_count + 1
        place = last_true(self._begins_in_time, 0, in_use, _WINDOW)
        sector = (self._oldest + place) % self._sector_count
        first = self._first_of(sector)
        if first is not None:
            self._read_sector = sector
            self._read_first = first

    def _begins_in_time(self, place: int) -> bool:
        first = self._first_of((self._oldest + place) % self._sector_count)
        return first is not None and (self._sought - first) & _MASK < _HALF

    def _begin_sector(self) -> None:
        """Make the sector after the newest the newest; pass over those that do not hold."""
        generation = (self._generation + 1) & _MASK
        sector = self._newest
        for _ in range(self._sector_count - 1):
            sector = (sector + 1) % self._sector_count
            if not self._clear(sector):
                continue
            struct.pack_into(
                _HEADER, self._slots.payload, 0, _MAGIC, self.epoch, self.sequence_next
            )
            if self._slots.write(sector, 0, generation):
                self._generation = generation
                self._take_newest(sector, self.sequence_next)
                self._slot_next = 1
                return
        raise FlashWornOut

    def _clear(self, sector: int) -> bool:
        """Give up a sector's records and erase it; return whether none is left."""
        if sector == self._oldest:
            self._advance_oldest()
        return self._slots.erase(sector)

    def _advance_oldest(self) -> None:
        sector = self._oldest
        while sector != self._newest:
            sector = (sector + 1) % self._sector_count
            first = self._first_of(sector)
            if first is not None:
                self._oldest = sector
                self.sequence_oldest = first
                return
        self._oldest = sector
        self.sequence_oldest = self.sequence_next

    def _take_newest(self, sector: int, first: int) -> None:
        self._newest = self._read_sector = sector
        self._read_first = first
        self._sector_end = (first + self._slots.per_sector - 1) & _MASK

    def _find_base(self, window: int) -> int:
        """Return the sector begun last of the first one and those up to ``window`` behind it.

        -1 when there is none. Take its epoch. A worn sector may keep a header of long ago, so one
        header alone proves nothing.
        """
        slots = self._slots
        base = -1
        stop = self._sector_count
        sector = 0
        while sector < stop:
            if slots.read(sector, 0):
                magic, epoch, _ = struct.unpack_from(_HEADER, slots.payload, 0)
                if magic == _MAGIC and (base < 0 or self._is_newer_than_base()):
                    if base < 0:
                        stop = min(sector + window, stop)
                    base = sector
                    self.epoch = epoch
                    self._generation = slots.number
            sector += 1
        return base

    def _mount(self, base: int) -> None:
        self._mount_newest(last_true(self._is_newer, base, self._sector_count, _WINDOW))
        if self._lost_behind_newest():  # or hidden behind more bad sectors than are bridged
            self._mount_newest(self._find_base(self._sector_count))
        self._find_oldest()
        self._find_end()
        if self._lost_behind_newest():
            self.sequence_next = self._reserved()
            self._slot_next = self._slots.per_sector

    def _mount_newest(self, sector: int) -> None:
        first = self._read_header(sector)
        assert first is not None
        self._generation = self._slots.number
        self._take_newest(sector, first)

    def _lost_behind_newest(self) -> bool:
        """Return whether sectors were begun after the one that is taken for the newest."""
        return 0 < (self._reserved() - self._sector_end) & _MASK < _HALF

    def _reserved(self) -> int:
        return self._numbers.sequence_ends[self._place]

    def _is_newer(self, sector: int) -> bool:
        return self._read_header(sector) is not None and self._is_newer_than_base()

    def _is_newer_than_base(self) -> bool:
        """Return whether the header just read came after the base, whose generation is kept."""
        return (self._slots.number - self._generation) & _MASK < _HALF

    def _find_oldest(self) -> None:
        """Once the ring has gone around, it is behind the newest; else it is at the start."""
        count = self._sector_count
        behind = self._newest + 1
        has_gone_around = self._any_in_use(behind, behind + _WINDOW + 1)
        if not (has_gone_around or self._any_in_use(count - _WINDOW, count)):
            behind = 0
        self._oldest = behind % count
        first = self._first_of(self._oldest)
        while first is None:  # ends at the newest
            self._oldest = (self._oldest + 1) % count
            first = self._first_of(self._oldest)
        self.sequence_oldest = first

    def _any_in_use(self, sector: int, stop: int) -> bool:
        while sector < stop:
            if self._first_of(sector % self._sector_count) is not None:
                return True
            sector += 1
        return False

    def _find_end(self) -> None:
        """Find where the newest sector goes on: after its last record and the slots that are torn.

        Each of those has used up a sequence: it may have been whole once, and sent. Where there
        are blank slots before one that is not, that one is bad, and the sector is left as it is.
        """
        slots = self._slots
        slot = slots.last_written(self._newest)
        self._slot_next = max(slot, 0) + 1
        torn = 0
        self.sequence_next = self._read_first
        while slot > 0:
            if slots.read(self._newest, slot):
                self.sequence_next = (slots.number + 1) & _MASK
                break
            torn += 1
            if slots.was_blank():
                torn = 0
                self._slot_next = slots.per_sector
            slot -= 1
        self.sequence_next = (self.sequence_next + torn) & _MASK

    def _first_of(self, sector: int) -> "int | None":
        """Return the sequence a sector begins with; None when it holds no records of this lap."""
        first = self._read_header(sector)
        behind = (self._newest - sector) % self._sector_count
        lap = (self._generation - self._slots.number) & _MASK
        return first if lap <= behind else None

    def _read_header(self, sector: int) -> "int | None":
        """Return the sequence in a sector's header; None when it has none of this ring."""
        if not self._slots.read(sector, 0):
            return None
        magic, epoch, first = struct.unpack_from(_HEADER, self._slots.payload, 0)
        return int(first) if magic == _MAGIC and epoch == self.epoch else None
