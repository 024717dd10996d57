"""Back-fill requests: what an operator wants a meter to send again, held or not.

A request stands until everything in it has come or is known to be lost. It is asked for together
with the holes, after them. What comes is stored as ever: what is held already stays as it is.
"""

import sqlite3
from collections.abc import Iterable, Sequence

from weir_gateway.store.promise import Origin, Promise
from weir_gateway.store.sequences import Range, without

STANDING_MAX = 20
"""Unfinished requests to one meter."""

_FINISHED_MAX = 100  # kept of one meter, for the operator to look at
CONFLICTS_NAMED_MAX = 100
"""Conflicts of one request that are kept by name; the others are counted."""


def make(
    connection: sqlite3.Connection,
    key: tuple[int, int],
    span: Range,
    times_s: tuple[int | None, int | None],
    now_ms: int,
) -> int | None:
    """Ask for ``span`` again; return the request's number, None when too many stand already.

    key: meter and epoch. times_s: the times that led to the span, None where none was given.
    """
    meter_id, epoch = key
    standing = connection.execute(
        "SELECT COUNT(*) FROM requests WHERE meter_id = ? AND finished_at_ms IS NULL", (meter_id,)
    ).fetchone()
    if standing[0] >= STANDING_MAX:
        return None
    row = connection.execute(
        "SELECT COALESCE(MAX(number), 0) + 1 FROM requests WHERE meter_id = ?", (meter_id,)
    ).fetchone()
    number = int(row[0])
    connection.execute(
        "INSERT INTO requests (meter_id, number, epoch, first_sequence, last_sequence, from_s, "
        "to_s, made_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (meter_id, number, epoch, *span, *times_s, now_ms),
    )
    _insert(connection, meter_id, number, [span])
    connection.execute(
        "UPDATE custody SET requested = 1 WHERE meter_id = ? AND epoch = ?", (meter_id, epoch)
    )
    connection.execute(
        "DELETE FROM requests WHERE meter_id = ? AND finished_at_ms IS NOT NULL AND number <= ?",
        (meter_id, number - _FINISHED_MAX),
    )
    return number


def remaining(connection: sqlite3.Connection, origin: Origin, count_max: int) -> list[Range]:
    """Return ranges that are still to come, those of the oldest request first."""
    return connection.execute(
        "SELECT r.first_sequence, r.last_sequence FROM requests q "
        "CROSS JOIN request_ranges r USING (meter_id, number) "
        "WHERE q.meter_id = ? AND q.epoch = ? AND q.finished_at_ms IS NULL "
        "ORDER BY r.number, r.first_sequence LIMIT ?",
        (origin.meter_id, origin.epoch, count_max),
    ).fetchall()


def note_returned(
    connection: sqlite3.Connection,
    origin: Origin,
    promise: Promise,
    came: Sequence[Range],
    conflicts: Sequence[int],
) -> None:
    """Take note of readings that came, and of those that came with other values than held."""
    for number in _standing(connection, origin):
        named = _wanted(connection, origin.meter_id, number, conflicts)
        returned_count = sum(_cut(connection, origin.meter_id, number, one) for one in came)
        _add(connection, origin, number, returned_count, 0, len(named))
        _name(connection, origin.meter_id, number, named)
    _finish(connection, origin, promise)


def note_lost(
    connection: sqlite3.Connection, origin: Origin, promise: Promise, lost: Sequence[Range]
) -> None:
    """Take note of what the meter can no longer give."""
    for number in _standing(connection, origin):
        lost_count = sum(_cut(connection, origin.meter_id, number, one) for one in lost)
        _add(connection, origin, number, 0, lost_count, 0)
    _finish(connection, origin, promise)


def note_overwritten(
    connection: sqlite3.Connection, origin: Origin, promise: Promise, oldest: int
) -> None:
    """Take note that the ring begins at ``oldest`` now."""
    lowest = connection.execute(
        "SELECT MIN(r.first_sequence) FROM requests q JOIN request_ranges r "
        "USING (meter_id, number) WHERE q.meter_id = ? AND q.epoch = ?",
        (origin.meter_id, origin.epoch),
    ).fetchone()[0]
    if lowest is not None and lowest < oldest:
        note_lost(connection, origin, promise, [(lowest, oldest - 1)])


def lose_older_epochs(connection: sqlite3.Connection, origin: Origin) -> None:
    """Finish the requests to a meter's other epochs: what remains of them is lost."""
    connection.execute(
        "UPDATE requests SET finished_at_ms = ?, lost_count = lost_count + COALESCE(("
        "SELECT SUM(r.last_sequence - r.first_sequence + 1) FROM request_ranges r "
        "WHERE r.meter_id = requests.meter_id AND r.number = requests.number), 0) "
        "WHERE meter_id = ? AND epoch <> ? AND finished_at_ms IS NULL",
        (origin.received_at_ms, origin.meter_id, origin.epoch),
    )
    connection.execute(
        "DELETE FROM request_ranges WHERE meter_id = ? AND number IN ("
        "SELECT number FROM requests WHERE meter_id = ? AND finished_at_ms IS NOT NULL)",
        (origin.meter_id, origin.meter_id),
    )
    connection.execute(
        "UPDATE custody SET requested = 0 WHERE meter_id = ? AND epoch <> ?",
        (origin.meter_id, origin.epoch),
    )


def _standing(connection: sqlite3.Connection, origin: Origin) -> list[int]:
    rows = connection.execute(
        "SELECT number FROM requests "
        "WHERE meter_id = ? AND epoch = ? AND finished_at_ms IS NULL ORDER BY number",
        (origin.meter_id, origin.epoch),
    )
    return [number for (number,) in rows]


def _finish(connection: sqlite3.Connection, origin: Origin, promise: Promise) -> None:
    """Finish the requests of which nothing remains."""
    connection.execute(
        "UPDATE requests SET finished_at_ms = ? "
        "WHERE meter_id = ? AND epoch = ? AND finished_at_ms IS NULL AND NOT EXISTS ("
        "SELECT 1 FROM request_ranges r "
        "WHERE r.meter_id = requests.meter_id AND r.number = requests.number)",
        (origin.received_at_ms, origin.meter_id, origin.epoch),
    )
    promise.requested = int(bool(_standing(connection, origin)))


def _cut(connection: sqlite3.Connection, meter_id: int, number: int, span: Range) -> int:
    """Take ``span`` off what remains of a request; return how many readings that were."""
    first, last = span
    rows: list[Range] = connection.execute(
        "SELECT first_sequence, last_sequence FROM request_ranges WHERE meter_id = ? "
        "AND number = ? AND first_sequence <= ? AND last_sequence >= ?",
        (meter_id, number, last, first),
    ).fetchall()
    connection.executemany(
        "DELETE FROM request_ranges WHERE meter_id = ? AND number = ? AND first_sequence = ?",
        [(meter_id, number, range_first) for range_first, _ in rows],
    )
    count = 0
    for range_first, range_last in rows:
        _insert(connection, meter_id, number, without([(range_first, range_last)], [span]))
        count += min(range_last, last) - max(range_first, first) + 1
    return count


def _insert(
    connection: sqlite3.Connection, meter_id: int, number: int, ranges: Iterable[Range]
) -> None:
    connection.executemany(
        "INSERT INTO request_ranges VALUES (?, ?, ?, ?)",
        [(meter_id, number, first, last) for first, last in ranges],
    )


def _add(
    connection: sqlite3.Connection,
    origin: Origin,
    number: int,
    returned_count: int,
    lost_count: int,
    conflict_count: int,
) -> None:
    connection.execute(
        "UPDATE requests SET returned_count = returned_count + ?, lost_count = lost_count + ?, "
        "conflict_count = conflict_count + ? WHERE meter_id = ? AND number = ?",
        (returned_count, lost_count, conflict_count, origin.meter_id, number),
    )


def _wanted(
    connection: sqlite3.Connection, meter_id: int, number: int, sequences: Sequence[int]
) -> list[int]:
    """Return those of ``sequences`` that still remain of a request."""
    query = (
        "SELECT 1 FROM request_ranges WHERE meter_id = ? AND number = ? "
        "AND first_sequence <= ? AND last_sequence >= ?"
    )
    return [
        one
        for one in sequences
        if connection.execute(query, (meter_id, number, one, one)).fetchone() is not None
    ]


def _name(
    connection: sqlite3.Connection, meter_id: int, number: int, sequences: Sequence[int]
) -> None:
    if not sequences:
        return
    known = connection.execute(
        "SELECT COUNT(*) FROM request_conflicts WHERE meter_id = ? AND number = ?",
        (meter_id, number),
    ).fetchone()[0]
    connection.executemany(
        "INSERT OR IGNORE INTO request_conflicts VALUES (?, ?, ?)",
        [(meter_id, number, one) for one in sequences[: max(0, CONFLICTS_NAMED_MAX - known)]],
    )
