"""A part of a flash region, with the same contract as the whole."""

TYPE_CHECKING = False  # mypy takes this name for True; the meter never runs the import
if TYPE_CHECKING:
    from weir.hal.flash_region import FlashRegion


class Span:
    """``sector_count`` sectors of a region, from ``sector_first`` on, as a FlashRegion."""

    def __init__(self, region: "FlashRegion", sector_first: int, sector_count: int) -> None:
        assert sector_first >= 0
        assert sector_first + sector_count <= region.sector_count
        self.sector_size = region.sector_size
        self.program_size = region.program_size
        self.sector_count = sector_count
        self._region = region
        self._sector_first = sector_first
        self._offset = sector_first * region.sector_size

    def read_into(self, offset: int, buffer: memoryview) -> None:
        assert offset + len(buffer) <= self.sector_count * self.sector_size
        self._region.read_into(self._offset + offset, buffer)

    def program_from(self, offset: int, content: memoryview) -> None:
        assert offset + len(content) <= self.sector_count * self.sector_size
        self._region.program_from(self._offset + offset, content)

    def erase_sector(self, sector: int) -> None:
        assert 0 <= sector < self.sector_count
        self._region.erase_sector(self._sector_first + sector)
