"""Takes over dial checks: no meter can say again what a person read off its dial."""

import sqlite3
from collections.abc import Iterable

from weir_gateway.salvage.check import first_columns, is_sound
from weir_gateway.salvage.report import Report
from weir_gateway.salvage.walk import TableReader
from weir_gateway.store.dial_checks import COLUMNS, MARKS

TABLE = "dial_checks"


def merge_dial_checks(
    connection: sqlite3.Connection,
    damaged: sqlite3.Connection,
    report: Report,
    meter_ids: Iterable[int],
) -> None:
    """Add the checks that ``damaged`` has and the database in use has not."""
    tally = report.of(TABLE)
    reader = TableReader(damaged, TABLE, ("meter_id", "made_at_ms"))
    if not first_columns()[TABLE] <= set(reader.columns):
        tally.unreadable += bool(reader.columns)  # older databases have none
        return
    found = reader.rows(set(meter_ids))
    sound = [row for row in found if is_sound(TABLE, row)]
    tally.read += len(sound)
    tally.unsound += len(found) - len(sound)
    tally.unreadable += reader.unreadable_count
    for row in sound:
        text = f"INSERT OR IGNORE INTO {TABLE} ({', '.join(COLUMNS)}) VALUES ({MARKS})"
        is_new = connection.execute(text, [row[name] for name in COLUMNS]).rowcount > 0
        tally.added += is_new
        tally.present += not is_new
