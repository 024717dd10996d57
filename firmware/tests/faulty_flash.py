"""NOR flash in memory that loses power inside an operation, and has bad places."""

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
        self.stuck: dict[int, int] = {}  # offset -> value that the cell always has
        self._random = 1

    def read_into(self, offset: int, buffer: memoryview) -> None:
        assert offset >= 0
        assert offset + len(buffer) <= len(self.cells)
        self.read_count += 1
        buffer[:] = memoryview(self.cells)[offset : offset + len(buffer)]
        for place in self.stuck:
            if offset <= place < offset + len(buffer):
                buffer[place - offset] = self.stuck[place]

    def program_from(self, offset: int, content: memoryview) -> None:
        assert offset >= 0
        assert offset + len(content) <= len(self.cells)
        assert offset % self.program_size == 0
        assert len(content) % self.program_size == 0
        self.program_count += 1
        wanted = [place for place in range(len(content)) if content[place] != 0xFF]
        self._operate(
            wanted, lambda place, junk: self._clear(offset + place, content[place] | junk)
        )

    def erase_sector(self, sector: int) -> None:
        assert 0 <= sector < self.sector_count
        self.erase_count += 1
        self.erases_of[sector] += 1
        start = sector * self.sector_size
        self._operate(range(self.sector_size), lambda place, junk: self._set(start + place, junk))

    def _clear(self, offset: int, keep: int) -> None:
        self.cells[offset] &= keep

    def _set(self, offset: int, leave: int) -> None:
        self.cells[offset] |= 0xFF ^ leave

    def _operate(self, places: "list[int] | range", change: "Callable[[int, int], None]") -> None:
        cut = self.operation_count == self.cut_at
        self.operation_count += 1
        mode = self.cut_mode if cut else "all"
        half = len(places) // 2
        begin = half if mode == "far_half" else 0
        end = {"nothing": 0, "half": half, "half_and_junk": half, "junk": 0}.get(mode, len(places))
        for place in places[begin:end]:
            change(place, 0)
        if "junk" in mode:
            for place in places[end:]:
                change(place, self._draw() & 0xFF)
        if cut:
            raise PowerCut

    def _draw(self) -> int:
        self._random = (self._random * 1103515245 + 12345) & 0x7FFFFFFF
        return self._random >> 12
