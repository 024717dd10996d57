"""What one uplink does to the database, inside one transaction.

The uplink's counter, its records, the resume point and the downlink counter of the answer belong
together: either all of them are durable, or the meter gets no answer and sends again.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from weir_gateway.store.gaps import Gaps
from weir_gateway.store.promise import Origin, Promise, lose_older_epochs, open_epoch
from weir_gateway.store.sequences import Range, reading_id, runs, unwrap, wrap
from weir_protocol.records import IntervalRecord, TimeQuality

Held = list[tuple[int, IntervalRecord]]
"""Records with their unwrapped sequences, ascending."""


RANGES_MAX = 24
"""Ranges in one BACKFILL (WL-FIL-02)."""

BACKLOG_MAX = 4000
"""A backlog that is longer does not keep the newest records waiting: it is asked for instead."""

NEWEST_FIRST = 96
"""Records that come at once where the backlog is longer: a day at 15 minutes."""

_BACKFILL_FIXED_BYTES = 5 + 5 + 4 + 8  # type and meter, counter, answers, tag
_RANGE_BYTES = 8


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was decided. resume_at: as the wire carries it. conflicts: ids of refused repeats.

    missing: what the meter may be asked for, the most urgent first, as far as one BACKFILL can
    carry it; the counter after ``downlink_counter`` is then for that BACKFILL. came: what this
    uplink brought or named as lost. Both are unwrapped.
    """

    resume_at: int
    downlink_counter: int
    settings_version: int
    stored_count: int = 0
    repeat_count: int = 0
    lost_count: int = 0
    conflicts: tuple[str, ...] = ()
    missing: tuple[Range, ...] = ()
    came: tuple[Range, ...] = ()


def take_hello(
    connection: sqlite3.Connection, origin: Origin, hello: Mapping[str, Any]
) -> Receipt:
    """Open custody of the meter's epoch, or go on with it, as its HELLO says."""
    is_new = open_epoch(connection, origin, hello)
    promise = Promise.accept(connection, origin)
    promise.learn(origin, hello)
    connection.execute(
        "UPDATE meters SET epoch = ?, hello = ?, hello_at_ms = ? WHERE meter_id = ?",
        (origin.epoch, json.dumps(dict(hello)), origin.received_at_ms, origin.meter_id),
    )
    lost_count = lose_older_epochs(connection, origin) if is_new else 0
    gaps = promise.gaps(connection, origin)
    lost_count += _follow_ring(gaps, promise.resume_at, hello)
    promise.follow(gaps)
    return _receipt(connection, origin, promise, lost_count=lost_count)


def _follow_ring(gaps: Gaps, resume_at: int, hello: Mapping[str, Any]) -> int:
    """Name as lost what the ring has overwritten, and let a long backlog wait for the newest.

    Return how many were lost.
    """
    oldest = unwrap(hello["sequence_oldest"], gaps.sequence_next)
    lost_count = gaps.lose(resume_at, oldest - 1) if oldest > resume_at else 0
    ring_next = unwrap(hello["sequence_next"], oldest)
    if ring_next - gaps.sequence_next > BACKLOG_MAX:
        gaps.skip_to(ring_next - NEWEST_FIRST)
    return lost_count


def take_readings(
    connection: sqlite3.Connection, origin: Origin, records: Sequence[IntervalRecord]
) -> Receipt:
    """Store the records that are not held yet. One that is held is never overwritten."""
    promise = Promise.accept(connection, origin)
    held = [(unwrap(record.sequence, promise.sequence_next), record) for record in records]
    held.sort(key=lambda one: one[0])
    stored_count = _insert(connection, origin, promise, held)
    conflicts: tuple[str, ...] = ()
    if stored_count < len(held):
        conflicts = _conflicts(connection, origin, held)
    came = runs([sequence for sequence, _ in held])
    _note_held(connection, origin, promise, came)
    return _receipt(
        connection,
        origin,
        promise,
        stored_count=stored_count,
        repeat_count=len(held) - stored_count - len(conflicts),
        conflicts=conflicts,
        came=came,
    )


def take_status(
    connection: sqlite3.Connection, origin: Origin, status: Mapping[str, Any]
) -> Receipt:
    """Keep the fields of a STATUS as the meter's newest."""
    promise = Promise.accept(connection, origin)
    connection.execute(
        "UPDATE meters SET status = ?, status_at_ms = ? WHERE meter_id = ?",
        (json.dumps(dict(status)), origin.received_at_ms, origin.meter_id),
    )
    return _receipt(connection, origin, promise)


def take_lost(
    connection: sqlite3.Connection, origin: Origin, ranges: Sequence[Mapping[str, int]]
) -> Receipt:
    """Name as lost what the meter says it has no more, as far as it is missing here."""
    promise = Promise.accept(connection, origin)
    gaps = promise.gaps(connection, origin)
    lost = []
    for one in ranges:
        first = unwrap(one["first_sequence"], promise.sequence_next)
        lost.append((first, unwrap(one["last_sequence"], first)))
    came = [(first, last) for first, last in lost if first <= last]
    lost_count = sum(gaps.lose(first, last) for first, last in came)
    promise.follow(gaps)
    return _receipt(connection, origin, promise, lost_count=lost_count, came=came)


_INSERT = (
    "INSERT OR IGNORE INTO readings (meter_id, epoch, sequence, taken_at_s, time_quality, "
    "measured_at_s, forward_pulses, reverse_pulses, pressure_mean_kpa, pressure_min_kpa, "
    "pressure_max_kpa, peak_flow_pulses, status, pulse_weight_ml, sample_interval_s, "
    "received_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_SELECT_HELD = (
    "SELECT taken_at_s, time_quality, NULL, forward_pulses, reverse_pulses, pressure_mean_kpa, "
    "pressure_min_kpa, pressure_max_kpa, peak_flow_pulses, status FROM readings "
    "WHERE meter_id = ? AND epoch = ? AND sequence = ?"
)


def _insert(connection: sqlite3.Connection, origin: Origin, promise: Promise, held: Held) -> int:
    """Insert what is new; return how many that were."""
    weight_ml = origin.pulse_weight_ml or promise.pulse_weight_ml
    tail = (weight_ml, promise.sample_interval_s, origin.received_at_ms)
    rows = [
        (
            origin.meter_id,
            origin.epoch,
            sequence,
            *_measurement(record, _measured_at_s(record, sequence, promise)),
            *tail,
        )
        for sequence, record in held
    ]
    before = connection.total_changes
    connection.executemany(_INSERT, rows)
    return connection.total_changes - before


def _measurement(record: IntervalRecord, measured_at_s: int | None) -> tuple[Any, ...]:
    return (
        record.taken_at_s,
        int(record.time_quality),
        measured_at_s,
        record.forward_pulses,
        record.reverse_pulses,
        record.pressure_mean_kpa,
        record.pressure_min_kpa,
        record.pressure_max_kpa,
        record.peak_flow_pulses,
        int(record.status),
    )


def _measured_at_s(record: IntervalRecord, sequence: int, promise: Promise) -> int | None:
    if record.time_quality != TimeQuality.UNSET:
        return record.taken_at_s
    if promise.clock_offset_s is None or sequence < promise.boot_sequence:
        return None
    return record.taken_at_s + promise.clock_offset_s


def _conflicts(connection: sqlite3.Connection, origin: Origin, held: Held) -> tuple[str, ...]:
    """Return the ids under which something else is held than what came now."""
    found = []
    for sequence, record in held:
        key = (origin.meter_id, origin.epoch, sequence)
        row = connection.execute(_SELECT_HELD, key).fetchone()
        if row != _measurement(record, None):
            found.append(reading_id(*key))
    return tuple(found)


def _note_held(
    connection: sqlite3.Connection, origin: Origin, promise: Promise, came: Sequence[Range]
) -> None:
    gaps = promise.gaps(connection, origin)
    was_whole = promise.is_whole
    for first, last in came:
        gaps.hold(first, last)
    if was_whole and len(came) == 1 and came[0][0] == promise.sequence_next:
        promise.resume_at = promise.sequence_next = gaps.sequence_next  # the usual case
    else:
        promise.follow(gaps)


def _receipt(
    connection: sqlite3.Connection,
    origin: Origin,
    promise: Promise,
    *,
    stored_count: int = 0,
    repeat_count: int = 0,
    lost_count: int = 0,
    conflicts: tuple[str, ...] = (),
    came: Sequence[Range] = (),
) -> Receipt:
    missing = _missing(connection, origin, promise)
    return Receipt(
        resume_at=wrap(promise.sequence_next),
        downlink_counter=promise.fulfil(
            connection, origin, stored_count, downlink_count=2 if missing else 1
        ),
        settings_version=promise.settings_version,
        stored_count=stored_count,
        repeat_count=repeat_count,
        lost_count=lost_count,
        conflicts=conflicts,
        missing=tuple(missing),
        came=tuple(came),
    )


def _missing(connection: sqlite3.Connection, origin: Origin, promise: Promise) -> Sequence[Range]:
    """Return what one BACKFILL may ask for now: nothing, as a rule, and then at no cost."""
    if promise.is_whole:
        return ()
    count_max = _ranges_max(connection, origin.meter_id)
    return promise.gaps(connection, origin).open_ranges(count_max)


def _ranges_max(connection: sqlite3.Connection, meter_id: int) -> int:
    """Return how many ranges fit into a downlink that this meter takes."""
    row = connection.execute(
        "SELECT json_extract(hello, '$.frame_size_max') FROM meters WHERE meter_id = ?",
        (meter_id,),
    ).fetchone()
    room_bytes = int(row[0]) - _BACKFILL_FIXED_BYTES
    return max(0, min(RANGES_MAX, room_bytes // _RANGE_BYTES))
