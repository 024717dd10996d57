"""Which events are not on MQTT yet, and marking those that the broker has taken."""

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from weir_gateway.store.event_queries import EVENT_COLUMNS, StoredEvent


class EventMark(NamedTuple):
    """What names an event to be marked, also when another database has taken the place of its."""

    number: int
    meter_id: int
    epoch: int
    sequence: int


def waiting(connection: sqlite3.Connection, count_max: int) -> list[StoredEvent]:
    """Return the events that are not published, in their order."""
    rows = connection.execute(
        f"SELECT {EVENT_COLUMNS} FROM events e WHERE e.published = 0 ORDER BY e.number LIMIT ?",
        (count_max,),
    )
    return [StoredEvent._make(row) for row in rows]


def mark_told(connection: sqlite3.Connection, told: Iterable[EventMark]) -> None:
    connection.executemany(
        "UPDATE events SET published = 1 "
        "WHERE number = ? AND meter_id = ? AND epoch = ? AND sequence = ?",
        told,
    )
