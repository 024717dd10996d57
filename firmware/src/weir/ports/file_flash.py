"""A flash region kept in a file, with the rules of NOR flash."""

import os

from micropython import const
from weir.errors import StartRefused

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from io import FileIO

_SECTOR_SIZE = const(4096)  # bytes

_CHUNK_SIZE = const(256)  # bytes; divides the sector


def _exists(path: str) -> bool:
    try:
        os.stat(path)
    except OSError:
        return False
    return True


class FileFlash:
    """A FlashRegion whose power cut is the end of this program (kill -9).

    What was written is then in the host's page cache and stays; only a crash of the host itself
    is not simulated.
    """

    def __init__(self, path: str, sector_count: int) -> None:
        """Open the file, or create it erased. Raises StartRefused when its size is wrong."""
        self.sector_size = _SECTOR_SIZE
        self.sector_count = sector_count
        self.program_size = 1
        self._blank = b"\xff" * _CHUNK_SIZE
        try:
            if not _exists(path):
                self._create(path)
            self._file: FileIO = open(path, "r+b", buffering=0)
        except OSError:
            raise StartRefused(
                f"{path} cannot be written; give a folder that the meter may write in."
            ) from None
        size = self._file.seek(0, 2)
        if size != _SECTOR_SIZE * sector_count:
            raise StartRefused(
                f"{path} has {size} bytes, not the {_SECTOR_SIZE * sector_count} of this meter's "
                "flash; restore the file, or move it away to start with an empty flash."
            )

    def _create(self, path: str) -> None:
        """Create the file whole: one that was cut short never has the right name."""
        beside = path + ".new"
        with open(beside, "wb") as file:
            for _ in range(_SECTOR_SIZE * self.sector_count // _CHUNK_SIZE):
                file.write(self._blank)
        os.rename(beside, path)

    def read_into(self, offset: int, buffer: memoryview) -> None:
        self._file.seek(offset)
        count = self._file.readinto(buffer)
        assert count == len(buffer)

    def program_from(self, offset: int, content: memoryview) -> None:
        cells = bytearray(len(content))
        self.read_into(offset, memoryview(cells))
        for place in range(len(cells)):
            cells[place] &= content[place]
        self._file.seek(offset)
        self._file.write(cells)

    def erase_sector(self, sector: int) -> None:
        self._file.seek(sector * _SECTOR_SIZE)
        for _ in range(_SECTOR_SIZE // _CHUNK_SIZE):
            self._file.write(self._blank)
