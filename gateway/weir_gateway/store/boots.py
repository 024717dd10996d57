"""When the boots of a meter began, for records that were taken before it knew the time.

Such a record counts the seconds since its boot. Its boot is known in two cases: no later boot was
heard of; or its sequence was known to be in use before the next boot said HELLO. In between there
may have been a boot that never spoke, so that what is left has no time rather than a wrong one.
"""

import sqlite3
from collections.abc import Mapping
from typing import Any

from weir_gateway.store.promise import Origin, Promise
from weir_gateway.store.sequences import unwrap
from weir_protocol.records import IntervalRecord, TimeQuality


def follow_boot(
    connection: sqlite3.Connection, origin: Origin, promise: Promise, hello: Mapping[str, Any]
) -> None:
    """Take over what the HELLO says, and keep what places the records of earlier boots."""
    former = promise.boot_sequence
    promise.learn(origin, hello)
    if promise.boot_sequence > former:
        heard = min(promise.sequence_next, promise.boot_sequence)
        _end_boot(connection, origin, former, heard)
    if promise.boot_sequence < former:
        _forget_later(connection, origin, promise.boot_sequence)
    _forget_boots(connection, origin, unwrap(hello["sequence_oldest"], promise.sequence_next))
    ring_next = unwrap(hello["sequence_next"], promise.boot_sequence)
    _note_boot(connection, origin, promise, ring_next)


def measured_at_s(
    connection: sqlite3.Connection,
    origin: Origin,
    promise: Promise,
    sequence: int,
    record: IntervalRecord,
) -> int | None:
    """Return when a record was taken in UTC, None when that cannot be known."""
    if record.time_quality != TimeQuality.UNSET:
        return record.taken_at_s
    offset_s = promise.clock_offset_s
    if sequence < promise.boot_sequence:
        offset_s = _former_offset_s(connection, origin, sequence)
    return None if offset_s is None else record.taken_at_s + offset_s


def _note_boot(
    connection: sqlite3.Connection, origin: Origin, promise: Promise, sequence_end: int
) -> None:
    """A HELLO proves that all up to the meter's newest record is of its present boot."""
    connection.execute(
        "INSERT INTO boots VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
        "sequence_end = MAX(sequence_end, excluded.sequence_end), "
        "clock_offset_s = excluded.clock_offset_s",
        (
            origin.meter_id,
            origin.epoch,
            promise.boot_sequence,
            sequence_end,
            promise.clock_offset_s,
        ),
    )


def _end_boot(
    connection: sqlite3.Connection, origin: Origin, boot_sequence: int, sequence_end: int
) -> None:
    """What was heard of until now came before the boot that follows."""
    connection.execute(
        "UPDATE boots SET sequence_end = MAX(sequence_end, ?) "
        "WHERE meter_id = ? AND epoch = ? AND boot_sequence = ?",
        (sequence_end, origin.meter_id, origin.epoch, boot_sequence),
    )


def _forget_boots(connection: sqlite3.Connection, origin: Origin, oldest: int) -> None:
    """Drop the boots of which the ring holds no record any more."""
    connection.execute(
        "DELETE FROM boots WHERE meter_id = ? AND epoch = ? AND sequence_end <= ?",
        (origin.meter_id, origin.epoch, oldest),
    )


def _forget_later(connection: sqlite3.Connection, origin: Origin, boot_sequence: int) -> None:
    """Drop boots that began later than the present one: the meter has lost their records."""
    connection.execute(
        "DELETE FROM boots WHERE meter_id = ? AND epoch = ? AND boot_sequence > ?",
        (origin.meter_id, origin.epoch, boot_sequence),
    )


def _former_offset_s(connection: sqlite3.Connection, origin: Origin, sequence: int) -> int | None:
    row = connection.execute(
        "SELECT clock_offset_s, sequence_end FROM boots "
        "WHERE meter_id = ? AND epoch = ? AND boot_sequence <= ? "
        "ORDER BY boot_sequence DESC LIMIT 1",
        (origin.meter_id, origin.epoch, sequence),
    ).fetchone()
    return row[0] if row is not None and sequence < row[1] else None
