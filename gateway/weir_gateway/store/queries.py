"""What is asked of the database without changing it."""

import json
import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from weir_gateway.store.rows import (
    GAP_COLUMNS,
    READING_COLUMNS,
    WITH_READING_BEFORE,
    ReadingKey,
    StoredGap,
    StoredMeter,
    StoredReading,
)
from weir_gateway.store.sequences import unwrap
from weir_protocol.records import IntervalRecord, TimeQuality

_BY_EPOCH = (
    f"SELECT {READING_COLUMNS} FROM custody c "
    "CROSS JOIN readings r ON r.meter_id = c.meter_id AND r.epoch = c.epoch "
    f"{WITH_READING_BEFORE}"
)


class SessionState(NamedTuple):
    """What a session needs to go on: the current epoch and the counters of every epoch."""

    epoch: int | None
    counters: dict[int, int]


def session_state(connection: sqlite3.Connection, meter_id: int) -> SessionState:
    row = connection.execute("SELECT epoch FROM meters WHERE meter_id = ?", (meter_id,)).fetchone()
    counters = connection.execute(
        "SELECT epoch, uplink_counter FROM custody WHERE meter_id = ?", (meter_id,)
    )
    return SessionState(row[0] if row else None, dict(counters.fetchall()))


def held_record(
    connection: sqlite3.Connection, meter_id: int, epoch: int, wire_sequence: int
) -> IntervalRecord | None:
    """Return a record as the meter sent it, by its sequence on the wire."""
    key = _key(connection, meter_id, epoch, wire_sequence)
    if key is None:
        return None
    row = connection.execute(
        "SELECT taken_at_s, forward_pulses, reverse_pulses, pressure_mean_kpa, pressure_min_kpa, "
        "pressure_max_kpa, peak_flow_pulses, status, time_quality FROM readings "
        "WHERE meter_id = ? AND epoch = ? AND sequence = ?",
        key,
    ).fetchone()
    if row is None:
        return None
    *measured, quality = row
    return IntervalRecord(*[wire_sequence, *measured, TimeQuality(quality)])


def heard_meters(connection: sqlite3.Connection) -> list[int]:
    """Return every meter that was ever heard, in order."""
    rows = connection.execute("SELECT meter_id FROM meters ORDER BY meter_id")
    return [meter_id for (meter_id,) in rows]


def meter(connection: sqlite3.Connection, meter_id: int) -> StoredMeter | None:
    """Return what is known of one meter, None when its HELLO is not known.

    That is so before it was ever heard, and after a salvage that found only its readings.
    """
    row = connection.execute(
        "SELECT m.meter_id, m.first_seen_ms, "
        "(SELECT MAX(last_seen_ms) FROM custody WHERE meter_id = m.meter_id), m.epoch, m.hello, "
        "m.hello_at_ms, m.status, m.status_at_ms, "
        "(SELECT SUM(stored_count) FROM custody WHERE meter_id = m.meter_id), c.resume_at "
        "FROM meters m JOIN custody c USING (meter_id, epoch) "
        "WHERE m.meter_id = ? AND m.hello IS NOT NULL",
        (meter_id,),
    ).fetchone()
    if row is None:
        return None
    stored = StoredMeter._make([*row, _newest(connection, meter_id)])
    return stored._replace(
        hello=json.loads(row[4]), status=json.loads(row[6]) if row[6] is not None else None
    )


def meters(connection: sqlite3.Connection, meter_ids: Iterable[int]) -> dict[int, StoredMeter]:
    """Return what is known of these meters, without those that were never heard."""
    found = ((meter_id, meter(connection, meter_id)) for meter_id in meter_ids)
    return {meter_id: one for meter_id, one in found if one is not None}


def send_intervals_s(connection: sqlite3.Connection) -> dict[int, int]:
    """Return how often each meter says it sends."""
    rows = connection.execute(
        "SELECT meter_id, json_extract(hello, '$.send_interval_s') FROM meters "
        "WHERE hello IS NOT NULL"
    )
    return dict(rows.fetchall())


def gaps(connection: sqlite3.Connection, meter_id: int, count_max: int) -> list[StoredGap]:
    """Return the newest gaps of a meter, newest first."""
    rows = connection.execute(
        f"SELECT {GAP_COLUMNS} FROM gaps g JOIN custody c USING (meter_id, epoch) "
        "WHERE g.meter_id = ? ORDER BY c.ordinal DESC, g.first_sequence DESC LIMIT ?",
        (meter_id, count_max),
    )
    return [StoredGap._make(row) for row in rows]


def readings_after(
    connection: sqlite3.Connection, meter_id: int, after: ReadingKey | None, count_max: int
) -> list[StoredReading]:
    """Return readings in their order, those that follow ``after`` or from the oldest."""
    ordinal = 0
    rows: list[StoredReading] = []
    if after is not None:
        ordinal = _ordinal(connection, after)
        rows = _select(
            connection,
            f"SELECT {READING_COLUMNS} FROM readings r {WITH_READING_BEFORE} "
            "WHERE r.meter_id = ? AND r.epoch = ? AND r.sequence > ? "
            "ORDER BY r.sequence LIMIT ?",
            (*after, count_max),
        )
    return rows + _select(
        connection,
        f"{_BY_EPOCH} WHERE c.meter_id = ? AND c.ordinal > ? "
        "ORDER BY c.ordinal, r.sequence LIMIT ?",
        (meter_id, ordinal, count_max - len(rows)),
    )


def newest_readings(
    connection: sqlite3.Connection, meter_id: int, count_max: int
) -> list[StoredReading]:
    """Return the newest readings of a meter, in their order."""
    rows = _select(
        connection,
        f"{_BY_EPOCH} WHERE c.meter_id = ? ORDER BY c.ordinal DESC, r.sequence DESC LIMIT ?",
        (meter_id, count_max),
    )
    return rows[::-1]


def find_reading(
    connection: sqlite3.Connection, meter_id: int, epoch: int, wire_sequence: int
) -> ReadingKey | None:
    """Return the key under which a reading is held, None when it is not."""
    key = _key(connection, meter_id, epoch, wire_sequence)
    if key is None:
        return None
    held = connection.execute(
        "SELECT 1 FROM readings WHERE meter_id = ? AND epoch = ? AND sequence = ?", key
    ).fetchone()
    return key if held else None


def sample_interval_s(
    connection: sqlite3.Connection, meter_id: int, epoch: int, wire_sequence: int
) -> int | None:
    """Return the sample interval that a reading was taken under, None when it is not held."""
    key = _key(connection, meter_id, epoch, wire_sequence)
    row = (
        key
        and connection.execute(
            "SELECT sample_interval_s FROM readings "
            "WHERE meter_id = ? AND epoch = ? AND sequence = ?",
            key,
        ).fetchone()
    )
    return int(row[0]) if row else None


def _newest(connection: sqlite3.Connection, meter_id: int) -> StoredReading | None:
    found = newest_readings(connection, meter_id, 1)
    return found[0] if found else None


def _key(
    connection: sqlite3.Connection, meter_id: int, epoch: int, wire_sequence: int
) -> ReadingKey | None:
    """Return the key that a reading has if it is held, None for an unknown epoch."""
    near = connection.execute(
        "SELECT sequence_next FROM custody WHERE meter_id = ? AND epoch = ?", (meter_id, epoch)
    ).fetchone()
    return (meter_id, epoch, unwrap(wire_sequence, near[0])) if near else None


def _ordinal(connection: sqlite3.Connection, key: ReadingKey) -> int:
    row = connection.execute(
        "SELECT ordinal FROM custody WHERE meter_id = ? AND epoch = ?", key[:2]
    ).fetchone()
    return int(row[0])


def _select(
    connection: sqlite3.Connection, query: str, values: tuple[int, ...]
) -> list[StoredReading]:
    return [StoredReading._make(row) for row in connection.execute(query, values)]
