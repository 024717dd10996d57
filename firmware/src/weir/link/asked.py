"""The ranges that the gateway has asked for and that are still to be sent (WL-FIL)."""

from micropython import const
from weir.link.dispatch import ahead
from weir.link.flight import ASKED

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from collections.abc import Sequence

    from weir.link.dispatch import Dispatch, Journal
    from weir.link.flight import Sent

_MASK = const(0xFFFF_FFFF)


class Asked:
    """Ranges in the order in which they go out; false when there is none."""

    def __init__(self, journal: "Journal") -> None:
        self._journal = journal
        self._ranges: list[tuple[int, int]] = []  # first, and the sequence after the last
        self._taken_by = -1  # counter of the BACKFILL taken last

    def __bool__(self) -> bool:
        return bool(self._ranges)

    def begin(self) -> None:
        """Forget what was asked for in an earlier session."""
        self._ranges = []
        self._taken_by = -1

    def take(self, counter: int, items: "Sequence[tuple[int, ...]]") -> bool:
        """Take what a BACKFILL asks for instead of what was asked before (WL-FIL-02, WL-FIL-03).

        What the journal has never recorded is left out. Return whether the BACKFILL was new.
        """
        if counter <= self._taken_by:
            return False
        self._taken_by = counter
        self._ranges = []
        newest = self._journal.sequence_next
        for first, last in items:
            end = (last + 1) & _MASK
            if ahead(end, newest) > 0:
                end = newest
            if ahead(end, first) > 0:
                self._ranges.append((first, end))
        return True

    def make(self, dispatch: "Dispatch") -> bytes:
        """Return the body of the next frame."""
        first, stop = self._ranges.pop(0)
        body = dispatch.make(first, stop, leans=False)
        if dispatch.end != stop:
            self._ranges.insert(0, (dispatch.end, stop))
        return body

    def take_back(self, frames: "list[Sent]") -> None:
        """Send once more what was asked for and carried by ``frames``, before the others."""
        for sent in reversed(frames):
            if sent.content == ASKED:
                self._ranges.insert(0, (sent.first, sent.end))
