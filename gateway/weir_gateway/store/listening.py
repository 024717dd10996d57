"""When the gateway was there to hear meters, so that nobody is called silent for its absence."""

import sqlite3

KEPT_MAX = 1000
"""Stretches that are kept: of that many starts of the gateway."""


def note(connection: sqlite3.Connection, begun_ms: int, now_ms: int) -> None:
    """Note that the gateway has been listening since a time, and is now."""
    connection.execute(
        "INSERT INTO listening VALUES (?, ?) ON CONFLICT DO UPDATE SET "
        "ended_ms = MAX(ended_ms, excluded.ended_ms)",
        (begun_ms, now_ms),
    )
    connection.execute(
        "DELETE FROM listening WHERE begun_ms <= ("
        "SELECT begun_ms FROM listening ORDER BY begun_ms DESC LIMIT 1 OFFSET ?)",
        (KEPT_MAX,),
    )


def stretches(connection: sqlite3.Connection) -> list[tuple[int, int]]:
    """Return from when to when the gateway was listening, in milliseconds, oldest first."""
    return connection.execute(
        "SELECT begun_ms, ended_ms FROM listening ORDER BY begun_ms"
    ).fetchall()
