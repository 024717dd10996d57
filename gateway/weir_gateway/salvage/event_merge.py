"""Takes over events, alarms and who acknowledged them. What is held is never overwritten."""

import sqlite3
from collections.abc import Iterable

from weir_gateway.salvage.check import first_columns, is_sound
from weir_gateway.salvage.ledger import Fields
from weir_gateway.salvage.report import Report
from weir_gateway.salvage.walk import TableReader, columns_of
from weir_protocol.records import EventPhase

TABLES = {  # with the keys of their rows
    "events": ("meter_id", "epoch", "sequence"),
    "alarms": ("meter_id", "epoch", "sequence"),
    "acknowledgements": ("meter_id", "epoch", "sequence", "number"),
    "event_gaps": ("meter_id", "epoch", "first_sequence"),
}

# An alarm that one database knew as active may be cleared by what the other has heard since.
_FOLLOW_CLEARS = f"""
UPDATE alarms SET cleared_epoch = alarms.epoch, cleared_sequence = c.sequence
FROM (
    SELECT a.meter_id, a.epoch, a.sequence AS raised, MIN(e.sequence) AS sequence
    FROM alarms a JOIN events e USING (meter_id, epoch, code)
    WHERE a.cleared_sequence IS NULL AND e.phase = {int(EventPhase.CLEAR)}
    AND e.sequence > a.sequence GROUP BY a.meter_id, a.epoch, a.sequence
) c
WHERE alarms.meter_id = c.meter_id AND alarms.epoch = c.epoch AND alarms.sequence = c.raised
"""
_TAKE_CLEAR = (
    "UPDATE alarms SET cleared_epoch = :cleared_epoch, cleared_sequence = :cleared_sequence "
    "WHERE meter_id = :meter_id AND epoch = :epoch AND sequence = :sequence "
    "AND cleared_sequence IS NULL"
)


def merge_events(
    connection: sqlite3.Connection,
    damaged: sqlite3.Connection,
    report: Report,
    meter_ids: Iterable[int],
) -> None:
    """Add what ``damaged`` has. Events that were not published will be, after those held here."""
    known = set(meter_ids)
    for table, keys in TABLES.items():
        tally = report.of(table)
        reader = TableReader(damaged, table, keys)
        if not first_columns()[table] <= set(reader.columns):
            tally.unreadable += bool(reader.columns)  # older databases have no events
            continue
        found = reader.rows(known)
        sound = [row for row in found if is_sound(table, row)]
        tally.read += len(sound)
        tally.unsound += len(found) - len(sound)
        tally.unreadable += reader.unreadable_count
        for row in sound:
            is_new = _insert(connection, table, row)
            tally.added += is_new
            tally.present += not is_new
            if table == "alarms" and not is_new and row["cleared_sequence"] is not None:
                connection.execute(_TAKE_CLEAR, row)
    connection.execute(_FOLLOW_CLEARS)


def _insert(connection: sqlite3.Connection, table: str, row: Fields) -> bool:
    """Insert a row if its key is free; events get a place behind those that are held."""
    left = {"number"} if table == "events" else set()
    names = [one for one in columns_of(connection, table) if one in row and one not in left]
    marks = ", ".join("?" * len(names))
    text = f"INSERT OR IGNORE INTO {table} ({', '.join(names)}) VALUES ({marks})"
    return connection.execute(text, [row[name] for name in names]).rowcount > 0
