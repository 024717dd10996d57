"""Readings that are wanted on MQTT once more: found by their time, a bounded number at once."""

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from weir_gateway.store.rows import ReadingKey

START: ReadingKey = (0, -1, 0)
"""Before every reading: epochs are not below 0."""


class Span(NamedTuple):
    """A range of UTC seconds, both ends included; None where it is open."""

    from_s: int | None
    to_s: int | None


class Page(NamedTuple):
    """keys: what was found within the span. last: where the next page goes on, None at the end."""

    keys: list[ReadingKey]
    last: ReadingKey | None


# A reading whose own time is not known is found by when it was received.
PAGE = """
SELECT epoch, sequence, COALESCE(measured_at_s, received_at_ms / 1000)
FROM readings
WHERE meter_id = ? AND (epoch, sequence) > (?, ?)
ORDER BY epoch, sequence
LIMIT ?
"""


def page(
    connection: sqlite3.Connection, meter_id: int, span: Span, after: ReadingKey, count_max: int
) -> Page:
    """Look at the next ``count_max`` readings of a meter for those within ``span``."""
    rows = connection.execute(PAGE, (meter_id, *after[1:], count_max)).fetchall()
    keys = [(meter_id, epoch, sequence) for epoch, sequence, at_s in rows if _within(at_s, span)]
    last = (meter_id, *rows[-1][:2]) if len(rows) == count_max else None
    return Page(keys, last)


def unpublish(connection: sqlite3.Connection, keys: Iterable[ReadingKey]) -> int:
    """Put readings back among the unpublished; return how many were not there."""
    before = connection.total_changes
    connection.executemany(
        "UPDATE readings SET published = 0, replayed = 1 "
        "WHERE meter_id = ? AND epoch = ? AND sequence = ? AND published = 1",
        keys,
    )
    return connection.total_changes - before


def _within(at_s: int, span: Span) -> bool:
    return (span.from_s is None or span.from_s <= at_s) and (
        span.to_s is None or at_s <= span.to_s
    )
