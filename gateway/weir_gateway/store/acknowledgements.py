"""Who has seen an alarm, and what they said of it. An alarm may be acknowledged again."""

import sqlite3
from typing import NamedTuple

from weir_gateway.store.rows import EventKey

KEPT_MAX = 20
"""Of one alarm, the newest."""


class Acknowledgement(NamedTuple):
    made_at_ms: int
    made_by: str
    note: str


def add(connection: sqlite3.Connection, alarm: EventKey, words: Acknowledgement) -> bool:
    """Keep an acknowledgement as the alarm's newest; return False if there is no such alarm."""
    done = connection.execute(
        "INSERT INTO acknowledgements SELECT meter_id, epoch, sequence, 1 + COALESCE(("
        "SELECT MAX(number) FROM acknowledgements k WHERE k.meter_id = a.meter_id "
        "AND k.epoch = a.epoch AND k.sequence = a.sequence), 0), ?, ?, ? FROM alarms a "
        "WHERE meter_id = ? AND epoch = ? AND sequence = ?",
        (*words, *alarm),
    )
    connection.execute(
        "DELETE FROM acknowledgements WHERE meter_id = ?1 AND epoch = ?2 AND sequence = ?3 "
        "AND number <= (SELECT MAX(number) FROM acknowledgements "
        "WHERE meter_id = ?1 AND epoch = ?2 AND sequence = ?3) - ?4",
        (*alarm, KEPT_MAX),
    )
    return done.rowcount > 0
