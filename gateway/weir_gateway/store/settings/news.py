"""Changes of state that are still to be told on MQTT."""

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from weir_gateway.store.settings.rows import StoredVersion, versions


class News(NamedTuple):
    """number: its place in the order in which it is told. at_ms: when it happened."""

    number: int
    change: StoredVersion
    state: str
    at_ms: int


def waiting(connection: sqlite3.Connection, count_max: int) -> list[News]:
    """Return what is not told yet, in its order."""
    rows = connection.execute(
        "SELECT news, meter_id, number, state, at_ms FROM settings_news ORDER BY news LIMIT ?",
        (count_max,),
    )
    found = []
    for news, meter_id, number, state, at_ms in rows.fetchall():
        (change,) = versions(connection, meter_id, "number = ?", number)
        found.append(News(news, change, state, at_ms))
    return found


def mark_told(connection: sqlite3.Connection, told: Iterable[int]) -> None:
    """Take off what the broker has taken."""
    connection.executemany("DELETE FROM settings_news WHERE news = ?", [(one,) for one in told])


def known_meters(connection: sqlite3.Connection) -> list[int]:
    """Return every meter of which settings are known or desired."""
    rows = connection.execute(
        "SELECT meter_id FROM settings_reported UNION SELECT meter_id FROM settings_versions"
    )
    return [meter_id for (meter_id,) in rows]
