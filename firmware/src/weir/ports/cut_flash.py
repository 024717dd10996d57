"""A flash whose power is lost in the middle of an operation, for benches.

--cut KIND:N:PART names the operation: the N-th program or erase since the start, counted from 1,
KIND being program, erase or either. PART says what its cells have seen when the power goes:

    nothing         no change
    half            the first half of it
    far_half        the second half of it
    half_and_junk   the first half; of the rest, some bits
    junk            some bits of all
    all             the whole operation, but nobody was told that it is done
"""

import os
import sys

from micropython import const
from weir.errors import StartRefused
from weir.ports.file_flash import FileFlash

KINDS = ("program", "erase", "either")
PARTS = ("nothing", "half", "far_half", "half_and_junk", "junk", "all")

_CHUNK_SIZE = const(64)  # bytes of a sector that are erased at a time


class CutFlash(FileFlash):
    """A FileFlash that ends this program, as kill -9 does, inside one operation."""

    def __init__(self, path: str, sector_count: int, cut: str) -> None:
        """cut: KIND:N:PART. Raises StartRefused when it is not that."""
        self._kind, self._left, self._part = _parse(cut)
        self._random = self._left
        FileFlash.__init__(self, path, sector_count)

    def program_from(self, offset: int, content: memoryview) -> None:
        if not self._is_cut("program"):
            FileFlash.program_from(self, offset, content)
            return
        wanted = [place for place in range(len(content)) if content[place] != 0xFF]
        seen = bytearray(b"\xff" * len(content))
        for number, place in enumerate(wanted):
            seen[place] = content[place] | ~self._reach(number, len(wanted)) & 0xFF
        FileFlash.program_from(self, offset, memoryview(seen))
        self._end("program", offset // self.sector_size)

    def erase_sector(self, sector: int) -> None:
        if not self._is_cut("erase"):
            FileFlash.erase_sector(self, sector)
            return
        cells = bytearray(_CHUNK_SIZE)
        for begin in range(0, self.sector_size, _CHUNK_SIZE):
            offset = sector * self.sector_size + begin
            self.read_into(offset, memoryview(cells))
            for place in range(_CHUNK_SIZE):
                cells[place] |= self._reach(begin + place, self.sector_size)
            self._file.seek(offset)
            self._file.write(cells)
        self._end("erase", sector)

    def _is_cut(self, kind: str) -> bool:
        if self._kind in (kind, "either"):
            self._left -= 1
        return self._left == 0 and self._kind in (kind, "either")

    def _reach(self, number: int, count: int) -> int:
        """Return the bits of a cell that the operation has changed: the number-th of count."""
        part = self._part
        near = number < count // 2
        if part == "all" or (part in ("half", "half_and_junk") and near):
            return 0xFF
        if part == "far_half":
            return 0 if near else 0xFF
        return self._draw() if part in ("half_and_junk", "junk") else 0

    def _draw(self) -> int:
        self._random = (self._random * 1103515245 + 12345) & 0x3FFFFFFF
        return self._random >> 12 & 0xFF

    def _end(self, kind: str, sector: int) -> None:
        """End this program at once: no buffer is written, no exception is raised."""
        sys.stderr.write(f"The power is cut in {kind} of sector {sector}: {self._part}.\n")
        os.system("kill -9 $PPID")  # MicroPython has no kill of its own
        raise AssertionError("the system did not end this program")


def _parse(cut: str) -> "tuple[str, int, str]":
    words = cut.split(":")
    if len(words) == 3:
        kind, number, part = words
        if kind in KINDS and part in PARTS and number.isdigit() and int(number):
            return kind, int(number), part
    raise StartRefused(
        f"--cut needs KIND:N:PART, not {cut!r}; KIND is one of {', '.join(KINDS)}, "
        f"N counts from 1, PART is one of {', '.join(PARTS)}."
    )
