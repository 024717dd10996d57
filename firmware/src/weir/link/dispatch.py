"""Which records go into the next frame: new ones, and those that the gateway asked for."""

from micropython import const
from weir.link import codec
from weir.link import tables_gen as t
from weir.link.packing import BatchPacker

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from typing import Protocol

    class Journal(Protocol):
        """The ring as a session sees it. A record is a list of nine integers (see packing)."""

        sequence_oldest: int
        sequence_next: int

        def read_into(self, sequence: int, record: list[int]) -> bool: ...
        def skip_to(self, sequence: int) -> None: ...


LOST_RUN_MAX = 256  # unreadable records looked past in one go

_MASK = const(0xFFFF_FFFF)
_HALF = const(0x8000_0000)


def ahead(sequence: int, of: int) -> int:
    """Return how far ``sequence`` is ahead of ``of``, modulo 2**32; negative when behind."""
    return ((sequence - of + _HALF) & _MASK) - _HALF


class Dispatch:
    """Makes bodies of READINGS and LOST from the journal; it holds no record of its own.

    interval_s, samples, columns: the usual shape of a batch (WL-BAT-02).
    type, first, end: of the body made last; it covers ``first`` up to but not including ``end``.
    """

    def __init__(self, journal: "Journal", body_size_max: int) -> None:
        self.settings_version = 0
        self.interval_s = t.USUAL_INTERVAL_S
        self.samples = t.USUAL_SAMPLES
        self.columns = t.USUAL_COLUMNS
        self.type = t.TYPE_READINGS
        self.first = self.end = 0
        self._journal = journal
        self._packer = BatchPacker(body_size_max - 1)
        self._record = [0] * 9

    def make(self, first: int, stop: int, *, leans: bool) -> bytes:
        """Return a body with as many records from ``first`` on, before ``stop``, as fit.

        Records that the journal cannot give are named as lost instead (WL-SES-06). ``leans``: the
        batch may continue the record before ``first``. With ``first`` at ``stop`` it has none.
        """
        self.first = first
        readable = self._first_readable(first, stop)
        version = self.settings_version & 0xFF
        if readable != first:
            self.type, self.end = t.TYPE_LOST, readable
            return codec.pack_body(t.TYPE_LOST, (version,), ((first, (readable - 1) & _MASK),))
        self.type = t.TYPE_READINGS
        return bytes((version,)) + self._pack(stop, leans=leans)

    def _first_readable(self, sequence: int, stop: int) -> int:
        """Return the first sequence from here on that the journal can give, at most ``stop``."""
        journal = self._journal
        if ahead(journal.sequence_oldest, sequence) > 0:
            return stop if ahead(journal.sequence_oldest, stop) > 0 else journal.sequence_oldest
        for _ in range(LOST_RUN_MAX):
            if sequence == stop or journal.read_into(sequence, self._record):
                break
            sequence = (sequence + 1) & _MASK
        return sequence

    def _pack(self, stop: int, *, leans: bool) -> bytes:
        journal, record, packer = self._journal, self._record, self._packer
        sequence = self.first
        before = (sequence - 1) & _MASK
        reference = record if leans and journal.read_into(before, record) else None
        packer.begin(sequence, self.interval_s, self.samples, self.columns, reference)
        while sequence != stop:
            if not journal.read_into(sequence, record) or not packer.append(record):
                break
            sequence = (sequence + 1) & _MASK
        self.end = sequence
        return packer.finish() if packer.count else b""  # WL-BAT-01
