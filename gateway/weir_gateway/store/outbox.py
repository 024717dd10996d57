"""Readings that are not yet on MQTT: which, in which order, and marking them done."""

import sqlite3
from collections.abc import Iterable

from weir_gateway.store.rows import (
    READING_COLUMNS,
    WITH_READING_BEFORE,
    ReadingKey,
    StoredReading,
)

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
SELECT {READING_COLUMNS}
FROM custody c
CROSS JOIN readings r INDEXED BY readings_unpublished
    ON r.meter_id = c.meter_id AND r.epoch = c.epoch AND r.published = 0
{WITH_READING_BEFORE}
WHERE c.meter_id = ?
ORDER BY c.ordinal, r.sequence
LIMIT ?
"""

COUNT = "SELECT COUNT(*) FROM readings WHERE published = 0"


def waiting_meters(connection: sqlite3.Connection) -> list[int]:
    """Return the meters with unpublished readings."""
    return [meter_id for (meter_id,) in connection.execute(METERS)]


def oldest_unpublished(
    connection: sqlite3.Connection, meter_id: int, count_max: int
) -> list[StoredReading]:
    """Return a meter's unpublished readings in their order, oldest first."""
    rows = connection.execute(OLDEST, (meter_id, count_max))
    return [StoredReading._make(row) for row in rows]


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
