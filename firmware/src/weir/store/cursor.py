"""The acknowledged cursor: the next sequence that the gateway has not acknowledged."""

import struct

TYPE_CHECKING = False  # mypy takes this name for True; the meter never runs the import
if TYPE_CHECKING:
    from weir.store.cell import Cell

VALUE_SIZE = 8  # bytes in the cell

_VALUE = "<II"  # epoch, sequence


class AcknowledgedCursor:
    """Kept in flash to spare repeats after a start. Losing it costs a repeat, nothing else.

    sequence: as last saved for this epoch; ``sequence_oldest`` when never.
    """

    def __init__(self, cell: "Cell", epoch: int, sequence_oldest: int) -> None:
        self._cell = cell
        self._epoch = epoch
        self.sequence = sequence_oldest
        value = cell.load()
        if value is not None:
            saved_epoch, sequence = struct.unpack(_VALUE, value)
            if saved_epoch == epoch:
                self.sequence = sequence

    def save(self, sequence: int) -> None:
        """Keep ``sequence``. Durable once this returns."""
        self._cell.store(struct.pack(_VALUE, self._epoch, sequence))
        self.sequence = sequence
