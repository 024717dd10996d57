"""What is to be told of gaps on MQTT: kept until the broker has taken it.

What is named lost is told always, and in the transaction that names it. A hole is told only when
it has stayed open for a while, since most are closed within the session in which they appear; then
it is also told when nothing in it is open any more, unless all of it was named lost.
"""

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from weir_gateway.store.rows import GAP_COLUMNS, StoredGap

OPEN_MS = 600_000
"""How long a hole stays open before it is told."""


class News(NamedTuple):
    """number: its place in the order in which it is told."""

    number: int
    gap: StoredGap


_FRESH_HOLES = (
    "FROM gaps g WHERE g.state = 'open' AND g.noticed_at_ms <= :told_from_ms AND NOT EXISTS ("
    "SELECT 1 FROM gap_news n WHERE n.meter_id = g.meter_id AND n.epoch = g.epoch "
    "AND n.state = 'open' AND n.first_sequence <= g.first_sequence "
    "AND n.last_sequence >= g.last_sequence)"
)
_SETTLED_HOLES = (
    "FROM gap_news n WHERE n.state = 'open' AND n.settled = 0 AND NOT EXISTS ("
    "SELECT 1 FROM gaps g WHERE g.meter_id = n.meter_id AND g.epoch = n.epoch "
    "AND g.state = 'open' AND g.first_sequence <= n.last_sequence "
    "AND g.last_sequence >= n.first_sequence)"
)
_HAS_CLOSED = (
    "EXISTS (SELECT 1 FROM gaps c WHERE c.meter_id = n.meter_id AND c.epoch = n.epoch "
    "AND c.state = 'closed' AND c.first_sequence <= n.last_sequence "
    "AND c.last_sequence >= n.first_sequence)"
)
_COLUMNS = "meter_id, epoch, first_sequence, last_sequence, state, noticed_at_ms"


def tell(
    connection: sqlite3.Connection,
    key: tuple[int, int],
    bounds: tuple[int, int],
    state: str,
    noticed_at_ms: int,
) -> None:
    """Note that a range of a meter's epoch is lost, or has come after it was."""
    connection.execute(
        f"INSERT INTO gap_news ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",
        (*key, *bounds, state, noticed_at_ms),
    )


def has_changes(connection: sqlite3.Connection, now_ms: int) -> bool:
    """Return whether ``note_changes`` has anything to do."""
    row = connection.execute(
        f"SELECT EXISTS (SELECT 1 {_FRESH_HOLES}) OR EXISTS (SELECT 1 {_SETTLED_HOLES})",
        {"told_from_ms": now_ms - OPEN_MS},
    ).fetchone()
    return bool(row[0])


def note_changes(connection: sqlite3.Connection, now_ms: int) -> None:
    """Note the holes that have stayed open, and those told before that are not open any more."""
    connection.execute(
        f"INSERT INTO gap_news ({_COLUMNS}) SELECT g.meter_id, g.epoch, g.first_sequence, "
        f"g.last_sequence, 'open', g.noticed_at_ms {_FRESH_HOLES} ORDER BY g.noticed_at_ms",
        {"told_from_ms": now_ms - OPEN_MS},
    )
    connection.execute(
        f"INSERT INTO gap_news ({_COLUMNS}) SELECT n.meter_id, n.epoch, n.first_sequence, "
        f"n.last_sequence, 'closed', n.noticed_at_ms {_SETTLED_HOLES} AND {_HAS_CLOSED}"
    )
    connection.execute(
        f"UPDATE gap_news SET settled = 1 WHERE number IN (SELECT n.number {_SETTLED_HOLES})"
    )
    connection.execute("DELETE FROM gap_news WHERE published = 1 AND settled = 1")


def waiting(connection: sqlite3.Connection, count_max: int) -> list[News]:
    """Return what is not told yet, in its order."""
    rows = connection.execute(
        f"SELECT g.number, {GAP_COLUMNS} FROM gap_news g WHERE g.published = 0 "
        "ORDER BY g.number LIMIT ?",
        (count_max,),
    )
    return [News(number, StoredGap._make(gap)) for number, *gap in rows]


def mark_told(connection: sqlite3.Connection, told: Iterable[News]) -> None:
    """Take off what the broker has taken. A hole that is still open is kept for its end."""
    keys = [(one.number, one.gap.meter_id, one.gap.first_sequence, one.gap.state) for one in told]
    where = "WHERE number = ? AND meter_id = ? AND first_sequence = ? AND state = ?"
    connection.executemany(f"UPDATE gap_news SET published = 1 {where}", keys)
    connection.execute(
        "DELETE FROM gap_news WHERE published = 1 AND (settled = 1 OR state <> 'open')"
    )
