"""Back-fill requests as the operator sees them, and which sequences a span of time means."""

import sqlite3
from typing import NamedTuple

from weir_gateway.store.requests import CONFLICTS_NAMED_MAX
from weir_gateway.store.rows import StoredRequest
from weir_gateway.store.sequences import Range, unwrap

_SELECT = (
    "SELECT meter_id, number, epoch, first_sequence, last_sequence, from_s, to_s, made_at_ms, "
    "finished_at_ms, returned_count, lost_count, conflict_count, COALESCE((SELECT "
    "SUM(r.last_sequence - r.first_sequence + 1) FROM request_ranges r "
    "WHERE r.meter_id = q.meter_id AND r.number = q.number), 0) FROM requests q "
    "WHERE meter_id = ?"
)


class Ring(NamedTuple):
    """What a meter can be asked for: its epoch, and the unwrapped bounds of what is known."""

    epoch: int
    oldest: int
    newest: int


def ring(connection: sqlite3.Connection, meter_id: int) -> Ring | None:
    """Return what this meter's ring held at its newest HELLO, None when that is not known."""
    row = connection.execute(
        "SELECT epoch, json_extract(m.hello, '$.sequence_oldest'), c.sequence_next "
        "FROM meters m JOIN custody c USING (meter_id, epoch) "
        "WHERE m.meter_id = ? AND m.hello IS NOT NULL",
        (meter_id,),
    ).fetchone()
    return None if row is None else Ring(row[0], unwrap(row[1], row[2]), row[2] - 1)


def span_of_times(
    connection: sqlite3.Connection,
    meter_id: int,
    ring: Ring,
    from_s: int | None,
    to_s: int | None,
) -> Range | None:
    """Return the sequences that records from ``from_s`` to ``to_s`` can have, None when none.

    Times are those of what is held. The span is generous: it reaches from just above the last
    record known to be earlier to just below the first known to be later, so that what is missing
    or without time in between is in it. A clock that was once wrong makes it longer, never
    shorter.
    """
    first, last = ring.oldest, ring.newest
    if from_s is not None:
        first = max(first, _first_after(connection, (meter_id, ring.epoch), from_s))
    if to_s is not None:
        last = min(last, _last_before(connection, (meter_id, ring.epoch), to_s))
    return (first, last) if first <= last else None


def find_requests(
    connection: sqlite3.Connection, meter_id: int, count_max: int
) -> list[StoredRequest]:
    """Return a meter's requests, the newest first."""
    rows = connection.execute(f"{_SELECT} ORDER BY number DESC LIMIT ?", (meter_id, count_max))
    return [_with_conflicts(connection, StoredRequest._make([*row, ()])) for row in rows]


def find_request(
    connection: sqlite3.Connection, meter_id: int, number: int
) -> StoredRequest | None:
    row = connection.execute(f"{_SELECT} AND number = ?", (meter_id, number)).fetchone()
    return row and _with_conflicts(connection, StoredRequest._make([*row, ()]))


def _with_conflicts(connection: sqlite3.Connection, request: StoredRequest) -> StoredRequest:
    rows = connection.execute(
        "SELECT sequence FROM request_conflicts WHERE meter_id = ? AND number = ? LIMIT ?",
        (request.meter_id, request.number, CONFLICTS_NAMED_MAX),
    )
    return request._replace(conflicts=tuple(sequence for (sequence,) in rows))


def _first_after(connection: sqlite3.Connection, key: tuple[int, int], from_s: int) -> int:
    """Return the sequence above the last record that precedes all those from ``from_s`` on."""
    row = connection.execute(
        "SELECT MAX(sequence) + 1 FROM readings WHERE meter_id = ?1 AND epoch = ?2 "
        "AND measured_at_s IS NOT NULL AND sequence < COALESCE(("
        "SELECT sequence FROM readings WHERE meter_id = ?1 AND epoch = ?2 "
        "AND measured_at_s >= ?3 ORDER BY sequence LIMIT 1), 9223372036854775807)",
        (*key, from_s),
    ).fetchone()
    return _LOWEST if row[0] is None else int(row[0])


def _last_before(connection: sqlite3.Connection, key: tuple[int, int], to_s: int) -> int:
    """Return the sequence below the first record that follows all those up to ``to_s``."""
    row = connection.execute(
        "SELECT MIN(sequence) - 1 FROM readings WHERE meter_id = ?1 AND epoch = ?2 "
        "AND measured_at_s IS NOT NULL AND sequence > COALESCE(("
        "SELECT sequence FROM readings WHERE meter_id = ?1 AND epoch = ?2 "
        "AND measured_at_s <= ?3 ORDER BY sequence DESC LIMIT 1), -9223372036854775808)",
        (*key, to_s),
    ).fetchone()
    return _HIGHEST if row[0] is None else int(row[0])


_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1
