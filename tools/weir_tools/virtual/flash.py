"""NOR flash in memory that loses power inside an operation, and has bad places.

Runs on MicroPython as well, under the firmware's own tests.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

CUT_MODES = ("nothing", "half", "far_half", "half_and_junk", "junk", "all")


class PowerCut(BaseException):
    """Not an ``Exception``: nothing in the firmware may swallow it."""


class FaultyFlash:
    """Keeps the FlashRegion contract until operation ``cut_at``, which a power cut interrupts.

    Programs and erases count as operations, from 0. ``cut_mode``: the part of the operation that
    the cells have seen. Junk clears bits that were to be cleared (program) or leaves bits cleared
    that were to be set (erase), at random but repeatably.

    cells: what the flash holds; may be changed in place.
    unerasable, unprogrammable: sectors that take no erase, or no program, without saying so.
    """

    def __init__(self, sector_size: int, sector_count: int, program_size: int = 1) -> None:
        self.sector_size = sector_size
        self.sector_count = sector_count
        self.program_size = program_size
        self.cut_at = -1
        self.cut_mode = CUT_MODES[0]
        self.operation_count = 0
        self.read_count = 0
        self.program_count = 0
        self.erase_count = 0
        self.erases_of = [0] * sector_count
        self.cells = bytearray(b"\xff" * (sector_size * sector_count))
        self.unerasable: set[int] = set()
        self.unprogrammable: set[int] = set()
        self._view = memoryview(self.cells)
        self._erased = b"\xff" * sector_size
        self._stuck: dict[int, dict[int, tuple[int, int]]] = {}  # sector, offset -> bits, value
        self._random = 1

    def stick(self, offset: int, value: int, bits: int = 0xFF) -> None:
        """Let ``bits`` of the cell at ``offset`` read as those of ``value`` for ever."""
        self._stuck.setdefault(offset // self.sector_size, {})[offset] = bits, value

    def read_into(self, offset: int, buffer: memoryview) -> None:
        end = offset + len(buffer)
        assert offset >= 0
        assert end <= len(self.cells)
        self.read_count += 1
        buffer[:] = self._view[offset:end]
        if self._stuck:
            for sector in range(offset // self.sector_size, -(-end // self.sector_size)):
                self._read_stuck(self._stuck.get(sector, {}), offset, buffer)

    def _read_stuck(
        self, stuck: "dict[int, tuple[int, int]]", offset: int, buffer: memoryview
    ) -> None:
        for place, (bits, value) in stuck.items():
            if 0 <= place - offset < len(buffer):
                buffer[place - offset] = buffer[place - offset] & ~bits | value & bits

    def program_from(self, offset: int, content: memoryview) -> None:
        size = len(content)
        assert offset >= 0
        assert offset + size <= len(self.cells)
        assert offset % self.program_size == 0
        assert size % self.program_size == 0
        self.program_count += 1
        takes = offset // self.sector_size not in self.unprogrammable
        if self._begins_cut():
            keep = bytes(content) if takes else b""
            places = [place for place in range(len(keep)) if keep[place] != 0xFF]
            self._cut(places, lambda place, junk: self._clear(offset + place, keep[place] | junk))
        elif takes:
            held = self._view[offset : offset + size]
            both = int.from_bytes(held, "little") & int.from_bytes(content, "little")
            held[:] = both.to_bytes(size, "little")

    def erase_sector(self, sector: int) -> None:
        assert 0 <= sector < self.sector_count
        self.erase_count += 1
        self.erases_of[sector] += 1
        start = sector * self.sector_size
        takes = sector not in self.unerasable
        if self._begins_cut():
            places = range(self.sector_size if takes else 0)
            self._cut(places, lambda place, junk: self._set(start + place, junk))
        elif takes:
            self._view[start : start + self.sector_size] = self._erased

    def _begins_cut(self) -> bool:
        """Count an operation; return whether it is the one that is cut."""
        self.operation_count += 1
        return self.operation_count - 1 == self.cut_at

    def _clear(self, offset: int, keep: int) -> None:
        self.cells[offset] &= keep

    def _set(self, offset: int, leave: int) -> None:
        self.cells[offset] |= 0xFF ^ leave

    def _cut(self, places: "list[int] | range", change: "Callable[[int, int], None]") -> None:
        """Change some of the places, as the mode says, and cut the power."""
        mode = self.cut_mode
        half = len(places) // 2
        begin = half if mode == "far_half" else 0
        end = {"nothing": 0, "half": half, "half_and_junk": half, "junk": 0}.get(mode, len(places))
        for place in places[begin:end]:
            change(place, 0)
        if "junk" in mode:
            for place in places[end:]:
                change(place, self._draw() & 0xFF)
        raise PowerCut

    def _draw(self) -> int:
        self._random = (self._random * 1103515245 + 12345) & 0x7FFFFFFF
        return self._random >> 12
