"""Readings that are not yet on MQTT: which, in which order, and marking them done."""

import sqlite3
from collections.abc import Iterable
from typing import Any, NamedTuple

from weir_gateway.store.rows import (
    READING_COLUMNS,
    WITH_READING_BEFORE,
    ReadingKey,
    StoredReading,
)


class Waiting(NamedTuple):
    """An unpublished reading. replayed: it was published before, and is wanted again."""

    reading: StoredReading
    replayed: bool


# Each step of the recursion is one seek in the index of what is unpublished, so the cost follows
# the number of meters that wait, not of readings.
METERS = """
WITH RECURSIVE waiting(meter_id) AS (
    SELECT MIN(meter_id) FROM readings WHERE published = 0
    UNION ALL
    SELECT (SELECT MIN(meter_id) FROM readings
            WHERE published = 0 AND meter_id > waiting.meter_id)
    FROM waiting WHERE waiting.meter_id IS NOT NULL
)
SELECT meter_id FROM waiting WHERE meter_id IS NOT NULL
"""

# CROSS JOIN keeps the epochs outside, so the order comes from the indexes without sorting. The
# primary key would do as well for SQLite, but would pass over everything already published.
OLDEST = f"""
SELECT {READING_COLUMNS}, r.replayed
FROM custody c
CROSS JOIN readings r INDEXED BY readings_unpublished
    ON r.meter_id = c.meter_id AND r.epoch = c.epoch AND r.published = 0
{WITH_READING_BEFORE}
WHERE c.meter_id = ?
ORDER BY c.ordinal, r.sequence
LIMIT ?
"""

NEWEST = """
SELECT r.epoch, r.sequence
FROM custody c
CROSS JOIN readings r ON r.meter_id = c.meter_id AND r.epoch = c.epoch
WHERE c.meter_id = ?
ORDER BY c.ordinal DESC, r.sequence DESC
LIMIT 1
"""

UNPUBLISHED = f"""
SELECT {READING_COLUMNS}, r.replayed
FROM readings r
{WITH_READING_BEFORE}
WHERE r.meter_id = ? AND r.epoch = ? AND r.sequence = ? AND r.published = 0
"""

COUNT = "SELECT COUNT(*) FROM readings WHERE published = 0"


def waiting_meters(connection: sqlite3.Connection) -> list[int]:
    """Return the meters with unpublished readings."""
    return [meter_id for (meter_id,) in connection.execute(METERS)]


def oldest_unpublished(
    connection: sqlite3.Connection, meter_id: int, count_max: int
) -> list[Waiting]:
    """Return a meter's unpublished readings in their order, oldest first."""
    return [_waiting(row) for row in connection.execute(OLDEST, (meter_id, count_max))]


def newest_key(connection: sqlite3.Connection, meter_id: int) -> ReadingKey | None:
    """Return the newest reading that is held of a meter, published or not."""
    row = connection.execute(NEWEST, (meter_id,)).fetchone()
    return None if row is None else (meter_id, *row)


def unpublished(connection: sqlite3.Connection, key: ReadingKey) -> Waiting | None:
    """Return one reading if it is held and not published."""
    row = connection.execute(UNPUBLISHED, key).fetchone()
    return None if row is None else _waiting(row)


def unpublished_count(connection: sqlite3.Connection) -> int:
    return int(connection.execute(COUNT).fetchone()[0])


def mark_published(connection: sqlite3.Connection, keys: Iterable[ReadingKey]) -> int:
    """Mark readings as published; return how many were not before."""
    before = connection.total_changes
    connection.executemany(
        "UPDATE readings SET published = 1 "
        "WHERE meter_id = ? AND epoch = ? AND sequence = ? AND published = 0",
        keys,
    )
    return connection.total_changes - before


def _waiting(row: tuple[Any, ...]) -> Waiting:
    return Waiting(StoredReading._make(row[:-1]), bool(row[-1]))
