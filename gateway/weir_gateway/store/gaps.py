"""Which sequences of one (meter, epoch) are missing, as ranges.

Open ranges are exactly what is missing below ``sequence_next``; lost ones the meter can no longer
give; closed ones arrived late and are kept as history. Ranges never overlap. Everything here
runs inside the caller's transaction.
"""

import sqlite3
from dataclasses import dataclass

from weir_gateway.store import gap_news
from weir_gateway.store.sequences import Range


@dataclass(slots=True)
class Gaps:
    """The ranges of one (meter, epoch), and the next sequence that would be in order."""

    connection: sqlite3.Connection
    meter_id: int
    epoch: int
    sequence_next: int
    now_ms: int

    def hold(self, first: int, last: int) -> None:
        """Note that ``first`` to ``last`` are held now."""
        self.skip_to(first)
        if first < self.sequence_next:
            self._resolve(first, min(last, self.sequence_next - 1), "closed", ("open", "lost"))
        self.sequence_next = max(self.sequence_next, last + 1)

    def lose(self, first: int, last: int) -> int:
        """Name as lost what is missing from ``first`` to ``last``; return how many that are."""
        count = self._resolve(first, last, "lost", ("open",))
        if last >= self.sequence_next:
            self.skip_to(first)
            start = max(first, self.sequence_next)
            self._insert(start, last, "lost", self.now_ms)
            self._tell(start, last, "lost", self.now_ms)
            self.sequence_next = last + 1
            count += last - start + 1
        return count

    def skip_to(self, sequence: int) -> None:
        """Note as missing what is below ``sequence``; what comes next in order begins there."""
        if sequence > self.sequence_next:
            self._insert(self.sequence_next, sequence - 1, "open", self.now_ms)
            self.sequence_next = sequence

    def open_ranges(self, count_max: int) -> list[Range]:
        """Return what is missing and not lost, oldest first, at most ``count_max`` ranges."""
        return self.connection.execute(
            "SELECT first_sequence, last_sequence FROM gaps WHERE meter_id = ? AND epoch = ? "
            "AND state = 'open' AND state <> 'closed' ORDER BY first_sequence LIMIT ?",
            (self.meter_id, self.epoch, count_max),
        ).fetchall()

    def resume_at(self) -> int:
        """Return the lowest sequence that is neither held nor lost."""
        oldest = self.open_ranges(1)
        return oldest[0][0] if oldest else self.sequence_next

    def _resolve(self, first: int, last: int, state: str, resolves: tuple[str, ...]) -> int:
        """Give the part of each missing range that is within bounds its new state."""
        rows = self.connection.execute(
            "SELECT first_sequence, last_sequence, state, noticed_at_ms FROM gaps "
            "WHERE meter_id = ? AND epoch = ? AND first_sequence <= ? AND last_sequence >= ? "
            "AND state <> 'closed'",
            (self.meter_id, self.epoch, last, first),
        ).fetchall()
        count = 0
        for range_first, range_last, range_state, noticed_at_ms in rows:
            if range_state not in resolves:
                continue
            self._delete(range_first)
            if range_first < first:
                self._insert(range_first, first - 1, range_state, noticed_at_ms)
            if range_last > last:
                self._insert(last + 1, range_last, range_state, noticed_at_ms)
            cut_first, cut_last = max(range_first, first), min(range_last, last)
            self._join(cut_first, cut_last, state, noticed_at_ms)
            if "lost" in (state, range_state):
                self._tell(cut_first, cut_last, state, noticed_at_ms)
            count += cut_last - cut_first + 1
        return count

    def _join(self, first: int, last: int, state: str, noticed_at_ms: int) -> None:
        """Insert a range, as part of the one before it where that has the same state."""
        before = self.connection.execute(
            "SELECT first_sequence, last_sequence, state FROM gaps WHERE meter_id = ? "
            "AND epoch = ? AND first_sequence < ? ORDER BY first_sequence DESC LIMIT 1",
            (self.meter_id, self.epoch, first),
        ).fetchone()
        if before is None or before[1:] != (first - 1, state):
            self._insert(first, last, state, noticed_at_ms)
        else:
            self.connection.execute(
                "UPDATE gaps SET last_sequence = ? "
                "WHERE meter_id = ? AND epoch = ? AND first_sequence = ?",
                (last, self.meter_id, self.epoch, before[0]),
            )

    def _tell(self, first: int, last: int, state: str, noticed_at_ms: int) -> None:
        key = (self.meter_id, self.epoch)
        gap_news.tell(self.connection, key, (first, last), state, noticed_at_ms)

    def _insert(self, first: int, last: int, state: str, noticed_at_ms: int) -> None:
        self.connection.execute(
            "INSERT INTO gaps VALUES (?, ?, ?, ?, ?, ?)",
            (self.meter_id, self.epoch, first, last, state, noticed_at_ms),
        )

    def _delete(self, first: int) -> None:
        self.connection.execute(
            "DELETE FROM gaps WHERE meter_id = ? AND epoch = ? AND first_sequence = ?",
            (self.meter_id, self.epoch, first),
        )
