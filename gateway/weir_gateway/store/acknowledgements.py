"""Who has seen an alarm, and what they said of it. An alarm may be acknowledged again."""

import sqlite3
from typing import NamedTuple

from weir_gateway.store.rows import EventKey


class Acknowledgement(NamedTuple):
    made_at_ms: int
    made_by: str
    note: str


def add(connection: sqlite3.Connection, alarm: EventKey, words: Acknowledgement) -> bool:
    """Keep an acknowledgement as the alarm's newest; return False if there is no such alarm."""
    done = connection.execute(
        "INSERT INTO acknowledgements SELECT meter_id, epoch, sequence, 1 + ("
        "SELECT COUNT(*) FROM acknowledgements k WHERE k.meter_id = a.meter_id "
        "AND k.epoch = a.epoch AND k.sequence = a.sequence), ?, ?, ? FROM alarms a "
        "WHERE meter_id = ? AND epoch = ? AND sequence = ?",
        (*words, *alarm),
    )
    return done.rowcount > 0
