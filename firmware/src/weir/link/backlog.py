"""Where a session is in the journal: what is sent, and what the gateway has taken note of."""

from micropython import const
from weir.link.dispatch import ahead

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from weir.link.dispatch import Dispatch, Journal

SKIP_MAX = 1 << 20  # sequences: what a gateway claims to hold beyond that is not believed


class Backlog:
    """cursor: next sequence that the gateway has not taken note of.

    next: next sequence to put into a frame.
    leans: frames may continue an acknowledged record.
    """

    def __init__(self, journal: "Journal") -> None:
        self.cursor = self.next = journal.sequence_oldest
        self.leans = True
        self._journal = journal
        self._furthest = self.cursor  # what is ahead of it is progress

    @property
    def is_sent(self) -> bool:
        return self.next == self._journal.sequence_next

    @property
    def is_acknowledged(self) -> bool:
        return self.cursor == self._journal.sequence_next

    @property
    def kept_count(self) -> int:
        return ahead(self._journal.sequence_next, self._journal.sequence_oldest)

    def begin(self) -> None:
        self._furthest = self.next = self.cursor
        self.leans = True

    def go_back(self) -> None:
        """Go on with what the gateway has not taken note of, be it under way or not."""
        self.next = self.cursor

    def make(self, dispatch: "Dispatch") -> bytes:
        """Return the body of the next frame: records, or the next run that the journal has lost.

        With everything sent it has no records.
        """
        leans = self.leans and self.next == self.cursor
        body = dispatch.make(self.next, self._journal.sequence_next, leans=leans)
        self.next = dispatch.end
        return body

    def follow(self, resume_at: int, *, hello: bool) -> bool:
        """Let the gateway say where to go on; return whether that is progress.

        hello: it answers HELLO (WL-ACK-04, WL-ACK-06).
        """
        beyond = ahead(resume_at, self._journal.sequence_next)
        if beyond > 0:
            if hello and beyond <= SKIP_MAX:
                self._journal.skip_to(resume_at)
            resume_at = self._journal.sequence_next
        progress = ahead(resume_at, self._furthest) > 0
        if hello and resume_at != self.cursor:
            self.leans = False  # the gateway may have noted the record before as missing
            progress = True
        if progress:
            self._furthest = resume_at
        self.cursor = resume_at
        if hello or ahead(self.cursor, self.next) > 0:
            self.next = self.cursor
        return progress
