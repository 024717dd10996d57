"""Brings gaps, resume points and what was forgotten in line with what a salvage has added."""

import sqlite3

from weir_gateway.salvage.ledger import MISSING, Account, Fields, holes, size
from weir_gateway.salvage.report import Report
from weir_gateway.salvage.walk import GroupKey, joined
from weir_gateway.store import gap_news, retention
from weir_gateway.store.gaps import Gaps
from weir_gateway.store.sequences import Range, runs


class GapMerger:
    """Works on one (meter, epoch), whose readings were added before."""

    def __init__(
        self, connection: sqlite3.Connection, key: GroupKey, report: Report, now_ms: int
    ) -> None:
        self._connection = connection
        self._key = key
        self._report = report
        self._now_ms = now_ms

    def take_over(self, account: Account) -> None:
        """Note the gaps of an epoch that the database in use did not know, and what is absent."""
        for gap in account.gaps:
            self._insert(_range(gap), gap["state"], gap["noticed_at_ms"])
            self._report.of("gaps").added += 1
            if gap["state"] == "lost":
                self._tell_lost(_range(gap), gap["noticed_at_ms"])
        self._note_forgotten(account)
        self._miss(account)
        self._follow(Gaps(self._connection, *self._key, account.sequence_next, self._now_ms))

    def join(self, start: int, sequence_next: int, added: list[int], account: Account) -> None:
        """Bring the gaps of a known epoch in line with what was added and what is absent.

        ``start``: where its readings began here; what neither database has heard of is missing.
        """
        gaps = Gaps(self._connection, *self._key, sequence_next, self._now_ms)
        for one in runs(added):
            gaps.hold(*one)
        gaps.skip_to(account.sequence_next)
        for state in MISSING:
            ranges = [_range(gap) for gap in account.gaps if gap["state"] == state]
            for one in self._unknown(ranges):
                self._add(one, state)
                if state == "lost":
                    self._tell_lost(one, self._now_ms)
        if account.sequence_next < start:
            for one in self._unknown([(account.sequence_next, start - 1)]):
                self._add(one, "open")
        self._note_forgotten(account)
        self._miss(account)
        self._follow(gaps)

    def _miss(self, account: Account) -> None:
        """Note as open what is absent there and not known here either."""
        for one in self._unknown(account.absent):
            self._add(one, "open")
        open_here = self._noted(("open",))
        self._report.missing += sum(
            size([one]) - size(holes(one, open_here)) for one in joined(account.absent)
        )

    def _note_forgotten(self, account: Account) -> None:
        """Take over what retention deleted. It counts as having been stored, as it does there."""
        tally = self._report.of("forgotten")
        for row in account.forgotten:
            new = self._unknown([_range(row)])
            tally.added += bool(new)
            tally.present += not new
            for one in new:
                retention.note(self._connection, self._key, one)
            self._connection.execute(
                "UPDATE custody SET stored_count = stored_count + ? "
                "WHERE meter_id = ? AND epoch = ?",
                (size(new), *self._key),
            )

    def _follow(self, gaps: Gaps) -> None:
        self._connection.execute(
            "UPDATE custody SET sequence_next = ?, resume_at = ? WHERE meter_id = ? AND epoch = ?",
            (gaps.sequence_next, gaps.resume_at(), *self._key),
        )

    def _unknown(self, ranges: list[Range]) -> list[Range]:
        """Return the parts that are neither held here nor known to be missing or forgotten."""
        noted = self._noted(MISSING)
        noted += self._connection.execute(
            "SELECT first_sequence, last_sequence FROM forgotten WHERE meter_id = ? AND epoch = ?",
            self._key,
        ).fetchall()
        found = []
        for one in joined(ranges):
            held = self._connection.execute(
                "SELECT sequence FROM readings WHERE meter_id = ? AND epoch = ? "
                "AND sequence BETWEEN ? AND ? ORDER BY sequence",
                (*self._key, *one),
            )
            found += holes(one, [*runs([sequence for (sequence,) in held]), *noted])
        return found

    def _noted(self, states: tuple[str, ...]) -> list[Range]:
        rows = self._connection.execute(
            "SELECT first_sequence, last_sequence, state FROM gaps "
            "WHERE meter_id = ? AND epoch = ? ORDER BY first_sequence",
            self._key,
        )
        return [(first, last) for first, last, state in rows if state in states]

    def _add(self, bounds: Range, state: str) -> None:
        """Insert a gap; a closed one in its place is cut to what is held of it."""
        closed = self._connection.execute(
            "SELECT first_sequence, last_sequence, noticed_at_ms FROM gaps WHERE meter_id = ? "
            "AND epoch = ? AND last_sequence >= ? AND first_sequence <= ?",
            (*self._key, *bounds),
        ).fetchall()
        for first, last, noticed_at_ms in closed:
            self._connection.execute(
                "DELETE FROM gaps WHERE meter_id = ? AND epoch = ? AND first_sequence = ?",
                (*self._key, first),
            )
            for left in holes((first, last), [bounds]):
                self._insert(left, "closed", noticed_at_ms)
        self._insert(bounds, state, self._now_ms)
        self._report.of("gaps").added += 1

    def _insert(self, bounds: Range, state: str, noticed_at_ms: int) -> None:
        self._connection.execute(
            "INSERT INTO gaps VALUES (?, ?, ?, ?, ?, ?)",
            (*self._key, *bounds, state, noticed_at_ms),
        )

    def _tell_lost(self, bounds: Range, noticed_at_ms: int) -> None:
        gap_news.tell(self._connection, self._key, bounds, "lost", noticed_at_ms)


def _range(row: Fields) -> Range:
    return row["first_sequence"], row["last_sequence"]
