"""What one uplink does to the database, inside one transaction.

The uplink's counter, its records, the resume point and the downlink counter of the answer belong
together: either all of them are durable, or the meter gets no answer and sends again.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from weir_gateway.store import events, gateway_events, reads, requests, retention, shapes
from weir_gateway.store.boots import follow_boot, measured_at_s
from weir_gateway.store.gaps import Gaps
from weir_gateway.store.promise import Origin, Promise, lose_older_epochs, open_epoch
from weir_gateway.store.receipt import Receipt, make_receipt
from weir_gateway.store.sequences import Range, reading_id, runs, unwrap
from weir_gateway.store.settings import attest, reports
from weir_gateway.store.settings.reports import Applied
from weir_protocol.records import IntervalRecord
from weir_protocol.settings import defaults

Held = list[tuple[int, IntervalRecord]]
"""Records with their unwrapped sequences, ascending."""


BACKLOG_MAX = 4000
"""A backlog that is longer does not keep the newest records waiting: it is asked for instead."""

NEWEST_FIRST = 96
"""Records that come at once where the backlog is longer: a day at 15 minutes."""


def take_hello(
    connection: sqlite3.Connection, origin: Origin, hello: Mapping[str, Any]
) -> Receipt:
    """Open custody of the meter's epoch, or go on with it, as its HELLO says."""
    is_new = open_epoch(connection, origin, hello)
    promise = Promise.accept(connection, origin)
    follow_boot(connection, origin, promise, hello)
    shapes.follow_hello(connection, origin, promise, hello)
    connection.execute(
        "UPDATE meters SET epoch = ?, hello = ?, hello_at_ms = ? WHERE meter_id = ?",
        (origin.epoch, json.dumps(dict(hello)), origin.received_at_ms, origin.meter_id),
    )
    attest.attest(connection, origin, hello["settings_version"])
    if is_new:
        requests.lose_older_epochs(connection, origin)
    # A salvage may have brought back some of older epochs, or a frame of one may have come late.
    event_count = gateway_events.end_older_epochs(connection, origin)
    lost_count = lose_older_epochs(connection, origin)
    gaps = promise.gaps(connection, origin)
    oldest = unwrap(hello["sequence_oldest"], promise.sequence_next)
    lost_count += _follow_ring(gaps, promise.resume_at, oldest, hello["sequence_next"])
    promise.follow(gaps)
    if promise.requested:
        requests.note_overwritten(connection, origin, promise, oldest)
    receipt = make_receipt(connection, origin, promise, lost_count=lost_count)
    return replace(receipt, event_count=event_count)


def _follow_ring(gaps: Gaps, resume_at: int, oldest: int, wire_next: int) -> int:
    """Name as lost what the ring has overwritten, and let a long backlog wait for the newest.

    Return how many were lost.
    """
    lost_count = gaps.lose(resume_at, oldest - 1) if oldest > resume_at else 0
    ring_next = unwrap(wire_next, oldest)
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
    conflicts: list[int] = []
    if stored_count < len(held):
        conflicts = _conflicts(connection, origin, held)
    came = runs([sequence for sequence, _ in held])
    _note_held(connection, origin, promise, came)
    if promise.requested:
        requests.note_returned(connection, origin, promise, came, conflicts)
    return make_receipt(
        connection,
        origin,
        promise,
        stored_count=stored_count,
        repeat_count=len(held) - stored_count - len(conflicts),
        conflicts=tuple(reading_id(origin.meter_id, origin.epoch, one) for one in conflicts),
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
    reads.take_status(connection, origin, promise, status)
    attest.attest(connection, origin, status["settings_version"])
    promise.errand = 1  # there may be something to tell it now
    return make_receipt(connection, origin, promise)


def take_report(
    connection: sqlite3.Connection, origin: Origin, report: Mapping[str, Any]
) -> Receipt:
    """Take over what the meter says of its settings."""
    promise = Promise.accept(connection, origin)
    promise.settings_version = report["settings_version"]
    promise.errand = 1  # there may be something to tell it now
    applied = reports.take(connection, origin, report)
    if applied is None:
        return make_receipt(connection, origin, promise)
    in_force = {**defaults(), **applied.values}
    again_count = _follow_settings(connection, origin, promise, applied, in_force)
    receipt = make_receipt(connection, origin, promise)
    return replace(receipt, in_force=in_force, again_count=again_count)


def _follow_settings(
    connection: sqlite3.Connection,
    origin: Origin,
    promise: Promise,
    applied: Applied,
    in_force: Mapping[str, int],
) -> int:
    """Let new settings count from their first record on, as a HELLO after them would.

    Return how many published readings are to be told again.
    """
    first = promise.sequence_next
    if applied.first_sequence is not None:
        first = unwrap(applied.first_sequence, promise.sequence_next)
    shape = (in_force["pulse_weight_ml"], in_force["sample_interval_s"])
    again_count = shapes.follow_report(connection, origin, promise, first, shape)
    (text,) = connection.execute(
        "SELECT hello FROM meters WHERE meter_id = ?", (origin.meter_id,)
    ).fetchone()
    hello = json.loads(text or "{}")
    known = {name: in_force[name] for name in hello if name in in_force}
    if hello:
        hello |= known | {"settings_version": promise.settings_version}
        connection.execute(
            "UPDATE meters SET hello = ? WHERE meter_id = ?", (json.dumps(hello), origin.meter_id)
        )
    return again_count


def take_events(
    connection: sqlite3.Connection, origin: Origin, items: Sequence[Mapping[str, int]]
) -> Receipt:
    """Keep the events of a meter, and follow what they say of its alarms."""
    promise = Promise.accept(connection, origin)
    taken = events.take(connection, origin, promise, items)
    receipt = make_receipt(connection, origin, promise, conflicts=taken.conflicts)
    return replace(receipt, event_count=taken.stored_count)


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
    if promise.requested:
        requests.note_lost(connection, origin, promise, came)
    return make_receipt(connection, origin, promise, lost_count=lost_count, came=came)


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
    rows = [
        (
            origin.meter_id,
            origin.epoch,
            sequence,
            *_measurement(record, measured_at_s(connection, origin, promise, sequence, record)),
            *_shape(connection, origin, promise, sequence),
            origin.received_at_ms,
        )
        for sequence, record in held
    ]
    before = connection.total_changes
    connection.executemany(_INSERT, rows)
    return connection.total_changes - before


def _shape(
    connection: sqlite3.Connection, origin: Origin, promise: Promise, sequence: int
) -> tuple[int, int]:
    """Return what one pulse was worth and how often the meter sampled when it took a record."""
    weight_ml, sample_s = shapes.of(connection, origin, promise, sequence)
    return origin.pulse_weight_ml or weight_ml, sample_s


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


def _conflicts(connection: sqlite3.Connection, origin: Origin, held: Held) -> list[int]:
    """Return the sequences under which something else is held than what came now."""
    found = []
    for sequence, record in held:
        key = (origin.meter_id, origin.epoch, sequence)
        row = connection.execute(_SELECT_HELD, key).fetchone()
        if row != _measurement(record, None):
            found.append(sequence)
    return found


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
        for one in came:
            retention.recall(connection, (origin.meter_id, origin.epoch), one)
