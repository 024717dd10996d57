"""Takes over what meters are to be set to, what they said is in force, and its history.

What the database in use has decided since stays the newest: the older versions go before it.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from weir_gateway.salvage.check import first_columns, is_within_limits
from weir_gateway.salvage.ledger import Fields
from weir_gateway.salvage.report import Report
from weir_gateway.salvage.walk import TableReader, columns_of
from weir_gateway.store.settings.rows import OPEN

_KEYS = {
    "settings_versions": ("meter_id", "number"),
    "settings_reported": ("meter_id",),
    "shapes": ("meter_id", "epoch", "first_sequence"),
}
_NUMBERS = ("number", "behind", "renews")
_WORDS = {"state", "cause", "made_by"}
_STATES = {*OPEN, "applied", "refused", "superseded", "expired", "rolled_back"}
_OBJECTS = {"overrides", "changes"}
_OBJECTS_OR_NULL = {"reasons", "reported", "provisioned", "gathering"}
_MAY_BE_NULL = {
    *("expires_at_ms", "sent_at_ms", "sent_epoch", "applied_at_ms", "ended_at_ms"),
    *("reported_version", "reported_at_ms", "asked_at_ms", "behind", "carried_by", "renews"),
}
_FOLLOW_SHAPES = """
UPDATE custody SET shape_sequence = s.first_sequence, pulse_weight_ml = s.pulse_weight_ml,
sample_interval_s = s.sample_interval_s
FROM shapes s WHERE s.meter_id = custody.meter_id AND s.epoch = custody.epoch
AND s.first_sequence = (
    SELECT MAX(first_sequence) FROM shapes n WHERE n.meter_id = s.meter_id AND n.epoch = s.epoch
)
"""

_WAKE = (
    "UPDATE custody SET errand = 1 WHERE meter_id IN "
    "(SELECT meter_id FROM settings_versions WHERE state IN ('pending', 'sent'))"
)


def merge_settings(
    connection: sqlite3.Connection,
    damaged: sqlite3.Connection,
    report: Report,
    meter_ids: Iterable[int],
) -> None:
    """Add what ``damaged`` has. What waits there still waits, unless something newer is here."""
    known = set(meter_ids)
    _add_versions(connection, _read(damaged, "settings_versions", report, known), report)
    for row in _read(damaged, "settings_reported", report, known):
        _count(report, "settings_reported", _insert(connection, "settings_reported", row))
    for row in _read(damaged, "shapes", report, known):
        if _has_epoch(connection, row):
            _count(report, "shapes", _put_shape(connection, row))
    connection.execute(_FOLLOW_SHAPES)
    connection.execute(_WAKE)


def _read(
    damaged: sqlite3.Connection, table: str, report: Report, meter_ids: set[int]
) -> list[Fields]:
    tally = report.of(table)
    reader = TableReader(damaged, table, _KEYS[table])
    if not first_columns()[table] <= set(reader.columns):
        tally.unreadable += bool(reader.columns)  # older databases have no settings
        return []
    found = reader.rows(meter_ids)
    sound = [row for row in found if _is_sound(row)]
    tally.read += len(sound)
    tally.unsound += len(found) - len(sound)
    tally.unreadable += reader.unreadable_count
    return sound


def _is_sound(row: Mapping[str, Any]) -> bool:
    words = _WORDS | {"request_id"}
    numbers = row.keys() - words - _OBJECTS - _OBJECTS_OR_NULL
    texts = [row[name] for name in words & row.keys() if name != "request_id"]
    return (
        is_within_limits({name: row[name] for name in numbers}, _MAY_BE_NULL)
        and all(isinstance(text, str) for text in texts)
        and all(abs(row.get(name) or 0) < 1 << 31 for name in _NUMBERS)
        and row.get("state", "sent") in _STATES
        and row.get("cause", "asked") in ("asked", "renewed")
        and isinstance(row.get("request_id"), str | None)
        and all(_is_object(row[name]) for name in _OBJECTS & row.keys())
        and all(
            row[name] is None or _is_object(row[name]) for name in _OBJECTS_OR_NULL & row.keys()
        )
    )


def _is_object(text: object) -> bool:
    try:
        return isinstance(json.loads(str(text)), dict)
    except ValueError:
        return False


def _add_versions(connection: sqlite3.Connection, rows: list[Fields], report: Report) -> None:
    """Add the versions of each meter below the lowest number that it has here."""
    meters: dict[int, list[Fields]] = {}
    for row in rows:
        meters.setdefault(row["meter_id"], []).append(row)
    for meter_id, old in meters.items():
        made_ms, lowest = connection.execute(
            "SELECT MIN(made_at_ms), MIN(number) FROM settings_versions WHERE meter_id = ?",
            (meter_id,),
        ).fetchone()
        newest = max(row["number"] for row in old)
        shift = 0 if lowest is None else min(0, lowest - newest - 1)
        for row in old:
            is_here = made_ms is not None and _is_held(connection, row)
            if not is_here:
                _insert(connection, "settings_versions", _placed(row, shift, made_ms))
            _count(report, "settings_versions", not is_here)


def _is_held(connection: sqlite3.Connection, row: Fields) -> bool:
    """Return whether the same change is here already, from a salvage before."""
    found = connection.execute(
        "SELECT 1 FROM settings_versions WHERE meter_id = :meter_id AND version = :version "
        "AND made_at_ms = :made_at_ms AND made_by = :made_by AND changes = :changes",
        row,
    )
    return found.fetchone() is not None


def _placed(row: Fields, shift: int, newer_made_ms: int | None) -> Fields:
    """Return a row as it comes to stand here: one that waits is superseded by what is newer."""
    numbers = {name: row[name] for name in _NUMBERS if row.get(name) is not None}
    placed = row | {name: number + shift for name, number in numbers.items()}
    if newer_made_ms is not None and row["state"] in OPEN:
        placed |= {"state": "superseded", "ended_at_ms": newer_made_ms}
    if newer_made_ms is not None and placed["state"] == "superseded":
        placed |= {"behind": None, "carried_by": None}
    return placed


def _has_epoch(connection: sqlite3.Connection, row: Fields) -> bool:
    text = "SELECT 1 FROM custody WHERE meter_id = :meter_id AND epoch = :epoch"
    return connection.execute(text, row).fetchone() is not None


def _put_shape(connection: sqlite3.Connection, row: Fields) -> bool:
    """Insert a shape; a guess gives way to what was known."""
    done = connection.execute(
        "INSERT INTO shapes VALUES (:meter_id, :epoch, :first_sequence, :pulse_weight_ml, "
        ":sample_interval_s, :is_guess) ON CONFLICT DO UPDATE SET "
        "pulse_weight_ml = excluded.pulse_weight_ml, is_guess = excluded.is_guess, "
        "sample_interval_s = excluded.sample_interval_s WHERE shapes.is_guess = 1",
        row,
    )
    return done.rowcount > 0


def _insert(connection: sqlite3.Connection, table: str, row: Fields) -> bool:
    names = [one for one in columns_of(connection, table) if one in row]
    marks = ", ".join("?" * len(names))
    text = f"INSERT OR IGNORE INTO {table} ({', '.join(names)}) VALUES ({marks})"
    return connection.execute(text, [row[name] for name in names]).rowcount > 0


def _count(report: Report, table: str, is_new: bool) -> None:
    tally = report.of(table)
    tally.added += is_new
    tally.present += not is_new
