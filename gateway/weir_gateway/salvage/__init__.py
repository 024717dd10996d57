"""Takes over what can be read of a database that was set aside, or of any older one."""

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from weir_gateway import messages
from weir_gateway.errors import GatewayError
from weir_gateway.lock import only_one
from weir_gateway.salvage.copy import integrity, opened_copy, unreadable
from weir_gateway.salvage.dial_check_merge import merge_dial_checks
from weir_gateway.salvage.event_merge import merge_events
from weir_gateway.salvage.merge import Merger
from weir_gateway.salvage.report import Report
from weir_gateway.salvage.settings_merge import merge_settings
from weir_gateway.salvage.source import Source
from weir_gateway.store import damage, set_aside
from weir_gateway.store.file import DatabaseFile

TABLES_LEFT = (
    "replacement",
    "listening",
    "requests",
    "request_ranges",
    "request_conflicts",
    "gap_news",
    "reads",
    "settings_news",
)
"""Not taken over: what the gateway wants of the meters it finds out anew, and what is lost it
tells again, under the same ids. A reading at a moment that was asked for is asked for again; the
states of settings are in their versions, and retained on MQTT."""


def salvage(damaged: Path, database: Path, *, dry_run: bool = False) -> Report:
    """Add to ``database`` what it lacks and ``damaged`` still has; all of it, or nothing.

    Raise GatewayError while a gateway uses the database, or when nothing can be opened.
    """
    if not damaged.is_file():
        raise GatewayError(messages.SALVAGE_NO_FILE.format(path=damaged))
    if damaged.resolve() == database.resolve():
        raise GatewayError(messages.SALVAGE_ITSELF.format(path=damaged))
    report = Report(str(damaged), str(database), dry_run)
    with only_one(database, messages.SALVAGE_RUNNING):
        file = DatabaseFile(database)
        file.prepare()
        with opened_copy(damaged) as copy:
            report.integrity = integrity(copy)
            _merge(copy, file, report)
    if not dry_run:
        settle(damaged, database, set_aside.SALVAGED, json.dumps(report.document(), indent=2))
    return report


def acknowledge(damaged: Path, database: Path) -> None:
    """End the alarm about a database that was set aside. Raise GatewayError if it is none."""
    if not settle(damaged, database, set_aside.ACKNOWLEDGED, ""):
        raise GatewayError(messages.SALVAGE_NOT_SET_ASIDE.format(path=damaged))


def settle(damaged: Path, database: Path, mark: str, text: str) -> bool:
    """Note beside a set-aside database that it was cared for; return whether it is one."""
    if damaged.resolve() not in [one.path.resolve() for one in set_aside.found(database)]:
        return False
    set_aside.beside(damaged, mark).write_text(text)
    return True


def _merge(copy: sqlite3.Connection, file: DatabaseFile, report: Report) -> None:
    with closing(file.connect()) as connection:
        known = connection.execute("SELECT meter_id, epoch FROM custody").fetchall()
        try:
            source = Source(copy, report, known)
        except damage.UNREADABLE as error:
            raise unreadable(Path(report.damaged), error) from None
        merger = Merger(connection, source, report, int(time.time() * 1000))
        connection.execute("BEGIN IMMEDIATE")
        try:
            merger.merge()
            merge_events(connection, copy, report, source.meters)
            merge_dial_checks(connection, copy, report, source.meters)
            merge_settings(connection, copy, report, source.meters)
            connection.execute("ROLLBACK" if report.dry_run else "COMMIT")
        except sqlite3.Error as error:  # closing the connection rolls back
            text = messages.SALVAGE_FAILED.format(path=report.database, why=error)
            raise GatewayError(text) from None
