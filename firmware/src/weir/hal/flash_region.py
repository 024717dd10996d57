"""Contract of a region of raw NOR flash."""

TYPE_CHECKING = False  # mypy takes this name for True; the meter never runs the import
if TYPE_CHECKING:
    from typing import Protocol
else:
    Protocol = object


class FlashRegion(Protocol):
    """A run of equal sectors. Offsets count bytes from the start of the region.

    An operation that returned is durable and has changed nothing outside its bytes. One that a
    power cut interrupts may have done any part of its work.
    """

    sector_size: int  # bytes, what one erase sets to 0xFF
    sector_count: int
    program_size: int  # bytes, a power of two; a program covers whole units of this size

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """Fill ``buffer`` from ``offset``. Any offset and size inside the region."""

    def program_from(self, offset: int, content: memoryview) -> None:
        """Program ``content`` at ``offset``, both multiples of ``program_size``.

        Clears bits only: where a bit of ``content`` is 1, the cell keeps what it held.
        """

    def erase_sector(self, sector: int) -> None:
        """Set every byte of one sector to 0xFF."""
