"""Forgetting what is old, published, and not the newest: a bounded number at once."""

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from weir_gateway.store.rows import ReadingKey
from weir_gateway.store.sequences import Range, runs, without

START: ReadingKey = (-1, -1, 0)
"""Before every reading."""


class Page(NamedTuple):
    """keys: what may go. last: where the next page goes on, None at the end."""

    keys: list[ReadingKey]
    last: ReadingKey | None


PAGE = """
SELECT meter_id, epoch, sequence, published = 1 AND received_at_ms < ?
FROM readings
WHERE (meter_id, epoch, sequence) > (?, ?, ?)
ORDER BY meter_id, epoch, sequence
LIMIT ?
"""

# Looked at again where it is done: a reading may have been asked for anew meanwhile. The newest of
# each epoch stays: the meter's next records may be written as differences from it.
_FORGET = """
DELETE FROM readings
WHERE meter_id = ? AND epoch = ? AND sequence = ? AND published = 1 AND EXISTS (
    SELECT 1 FROM readings n
    WHERE n.meter_id = readings.meter_id AND n.epoch = readings.epoch
    AND n.sequence > readings.sequence
)
"""

_FORGET_GAPS = """
DELETE FROM gaps WHERE (meter_id, epoch, first_sequence) IN (
    SELECT meter_id, epoch, first_sequence FROM gaps g
    WHERE state = 'closed' AND noticed_at_ms < ? AND NOT EXISTS (
        SELECT 1 FROM gap_news n
        WHERE n.meter_id = g.meter_id AND n.epoch = g.epoch AND n.state = 'open'
        AND n.settled = 0 AND n.first_sequence <= g.last_sequence
        AND n.last_sequence >= g.first_sequence
    ) LIMIT ?
)
"""


def page(
    connection: sqlite3.Connection, before_ms: int, after: ReadingKey, count_max: int
) -> Page:
    """Look at the next readings for those that were received before a time."""
    rows = connection.execute(PAGE, (before_ms, *after, count_max)).fetchall()
    keys = [(meter_id, epoch, sequence) for meter_id, epoch, sequence, is_old in rows if is_old]
    return Page(keys, rows[-1][:3] if len(rows) == count_max else None)


def forget(connection: sqlite3.Connection, keys: Iterable[ReadingKey]) -> int:
    """Delete readings that are published and not their epoch's newest; return how many.

    Which they were is noted, so that a salvage does not take them for lost.
    """
    gone: dict[tuple[int, int], list[int]] = {}
    for meter_id, epoch, sequence in keys:
        if connection.execute(_FORGET, (meter_id, epoch, sequence)).rowcount:
            gone.setdefault((meter_id, epoch), []).append(sequence)
    for group, sequences in gone.items():
        for one in runs(sorted(sequences)):
            note(connection, group, one)
    return sum(len(sequences) for sequences in gone.values())


def recall(connection: sqlite3.Connection, group: tuple[int, int], came: Range) -> None:
    """Note that readings which may have been forgotten are held again."""
    touched = _touching(connection, group, came)
    _replace(connection, group, touched, without(touched, [came]))


def note(connection: sqlite3.Connection, group: tuple[int, int], gone: Range) -> None:
    """Note a range, as one with those that it meets."""
    touched = _touching(connection, group, (gone[0] - 1, gone[1] + 1))
    ends = [gone, *touched]
    _replace(
        connection, group, touched, [(min(one[0] for one in ends), max(one[1] for one in ends))]
    )


def _touching(
    connection: sqlite3.Connection, group: tuple[int, int], bounds: Range
) -> list[Range]:
    return connection.execute(
        "SELECT first_sequence, last_sequence FROM forgotten WHERE meter_id = ? AND epoch = ? "
        "AND last_sequence >= ? AND first_sequence <= ?",
        (*group, *bounds),
    ).fetchall()


def _replace(
    connection: sqlite3.Connection, group: tuple[int, int], old: list[Range], new: list[Range]
) -> None:
    connection.executemany(
        "DELETE FROM forgotten WHERE meter_id = ? AND epoch = ? AND first_sequence = ?",
        [(*group, first) for first, _ in old],
    )
    connection.executemany(
        "INSERT INTO forgotten VALUES (?, ?, ?, ?)", [(*group, *one) for one in new]
    )


def forget_closed_gaps(connection: sqlite3.Connection, before_ms: int, count_max: int) -> int:
    """Delete gaps that were noticed before a time and closed since; return how many.

    One that was told while it was open stays until it is told that it is closed.
    """
    return connection.execute(_FORGET_GAPS, (before_ms, count_max)).rowcount
