"""What a row must be to be believed: a damaged page may hold anything."""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from functools import cache
from typing import Any

from weir_gateway.store import schema
from weir_gateway.store.rows import GATEWAY_EPOCH
from weir_protocol.records import PEAK_FLOW_PULSES_MAX, PRESSURE_KPA_MAX, PRESSURE_KPA_MIN

_UINT32 = (0, (1 << 32) - 1)
_EPOCH_OR_GATEWAY = (0, GATEWAY_EPOCH)
_COUNT = (0, 1 << 62)
_COUNTER = (-1, (1 << 32) - 1)
_TIME_S = (-(1 << 33), 1 << 34)
_TIME_MS = (0, 1 << 45)
_PRESSURE = (PRESSURE_KPA_MIN, PRESSURE_KPA_MAX)
_FLAG = (0, 1)
_ANY = (-(1 << 63), 1 << 63)

LIMITS: Mapping[str, tuple[int, int]] = {
    "meter_id": _UINT32,
    "epoch": _UINT32,
    "sequence": _COUNT,
    "taken_at_s": _UINT32,
    "time_quality": (0, 7),
    "measured_at_s": _TIME_S,
    "forward_pulses": _UINT32,
    "reverse_pulses": _UINT32,
    "pressure_mean_kpa": _PRESSURE,
    "pressure_min_kpa": _PRESSURE,
    "pressure_max_kpa": _PRESSURE,
    "peak_flow_pulses": (0, PEAK_FLOW_PULSES_MAX),
    "status": (0, 0xFFFF),
    "pulse_weight_ml": _UINT32,
    "sample_interval_s": _UINT32,
    "received_at_ms": _TIME_MS,
    "published": _FLAG,
    "replayed": _FLAG,
    "ordinal": (-(1 << 31), 1 << 31),
    "uplink_counter": _COUNTER,
    "downlink_counter": (0, 1 << 33),
    "resume_at": _COUNT,
    "sequence_next": _COUNT,
    "boot_sequence": _COUNT,
    "sequence_end": _COUNT,
    "clock_offset_s": _TIME_S,
    "settings_version": _UINT32,
    "last_seen_ms": _TIME_MS,
    "stored_count": _COUNT,
    "requested": _FLAG,
    "first_seen_ms": _TIME_MS,
    "hello_at_ms": _TIME_MS,
    "status_at_ms": _TIME_MS,
    "first_sequence": _COUNT,
    "last_sequence": _COUNT,
    "noticed_at_ms": _TIME_MS,
    "made_at_ms": _TIME_MS,
    "register_at_ms": _TIME_MS,
    "dial_ml": (0, 10**15),
    "code": (0, 1 << 16),
    "phase": (0, 255),
    "alarm_epoch": _EPOCH_OR_GATEWAY,
    "cleared_epoch": _EPOCH_OR_GATEWAY,
    "alarm_sequence": _COUNT,
    "cleared_sequence": _COUNT,
    "version": (0, 0xFFFF),
    "reported_version": (0, 0xFFFF),
    "sent_epoch": _UINT32,
    "forced": _FLAG,
    "is_partial": _FLAG,
    "carried_by": (0, 0xFFFF),
    "is_built": _FLAG,
    "is_guess": _FLAG,
    "asks_left": _COUNT,
    "shape_sequence": _COUNT,
    "errand": _FLAG,
}
MAY_BE_NULL = {
    *("measured_at_s", "pressure_mean_kpa", "pressure_min_kpa", "pressure_max_kpa"),
    *("clock_offset_s", "hello", "hello_at_ms", "status_at_ms"),
    *("alarm_epoch", "alarm_sequence", "cleared_epoch", "cleared_sequence"),
}
TEXTS = {"made_by", "note"}
OF_EVENTS = ("events", "alarms", "acknowledgements", "event_gaps")
REGISTER_SOURCES = ("status", "reading", "hello")
GAP_STATES = ("open", "lost", "closed")


@cache
def first_columns() -> Mapping[str, set[str]]:
    """Return the columns that each table had when it was new: every later one has a default."""
    found: dict[str, set[str]] = {}
    with closing(sqlite3.connect(":memory:")) as connection:
        for step in schema.MIGRATIONS:
            connection.executescript(step)
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            for (table,) in tables.fetchall():
                columns = connection.execute(f"PRAGMA table_info({table})")
                found.setdefault(table, {row[1] for row in columns})
    return found


def is_sound(table: str, row: Mapping[str, Any]) -> bool:
    """Return whether every value of a row is one that the gateway could have written."""
    if table == "meters":
        texts = all(row[name] is None or _is_fields(row[name]) for name in ("hello", "status"))
        rest = {name: value for name, value in row.items() if name not in ("hello", "status")}
        return texts and is_within_limits(rest, {*MAY_BE_NULL, "epoch"})
    if table == "gaps":
        rest = {name: value for name, value in row.items() if name != "state"}
        return (
            row["state"] in GAP_STATES
            and is_within_limits(rest, MAY_BE_NULL)
            and row["first_sequence"] <= row["last_sequence"]
        )
    if table == "forgotten":
        return is_within_limits(row, set()) and row["first_sequence"] <= row["last_sequence"]
    if table in OF_EVENTS:
        return _is_sound_of_events(row)
    if table == "dial_checks":
        return _is_sound_dial_check(row)
    return is_within_limits(row, MAY_BE_NULL)


def _is_sound_of_events(row: Mapping[str, Any]) -> bool:
    low, high = _EPOCH_OR_GATEWAY
    rest = {name: value for name, value in row.items() if name not in {*TEXTS, "epoch"}}
    return (
        isinstance(row["epoch"], int)
        and low <= row["epoch"] <= high
        and all(isinstance(row[name], str) for name in TEXTS & row.keys())
        and is_within_limits(rest, MAY_BE_NULL)
    )


def _is_sound_dial_check(row: Mapping[str, Any]) -> bool:
    texts = {"made_by", "note", "register_source"}
    return (
        isinstance(row["made_by"], str)
        and isinstance(row["note"], str | None)
        and row["register_source"] in REGISTER_SOURCES
        and is_within_limits({name: row[name] for name in row.keys() - texts}, set())
    )


def is_within_limits(row: Mapping[str, Any], may_be_null: set[str]) -> bool:
    """Return whether every value is a whole number that fits its name, or null where it may be."""
    for name, value in row.items():
        if value is None and name in may_be_null:
            continue
        low, high = LIMITS.get(name, _ANY)
        if not (isinstance(value, int) and low <= value <= high):
            return False
    return True


def _is_fields(text: object) -> bool:
    try:
        fields = json.loads(str(text))
    except ValueError:
        return False
    return isinstance(fields, dict) and all(isinstance(one, int) for one in fields.values())
