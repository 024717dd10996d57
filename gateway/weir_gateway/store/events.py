"""Events as meters send them: each is kept once, in the order of its sequence.

What an event says of an alarm takes effect in the transaction that stores it.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from weir_gateway.store import alarm_state
from weir_gateway.store.promise import Origin, Promise
from weir_gateway.store.rows import EventKey
from weir_gateway.store.sequences import Range, event_id, unwrap, without
from weir_protocol.records import EventCode, TimeQuality

Fields = Mapping[str, int]
_FUTURE_S = 2  # a time placed further ahead than this was counted from another start
_NAMES = ("taken_at_s", "time_quality", "code", "phase", "value", "limit")
_INSERT = (
    "INSERT INTO events (meter_id, epoch, sequence, taken_at_s, time_quality, code, "
    "phase, value, limit_value, measured_at_s, received_at_ms) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_HELD = (
    "SELECT taken_at_s, time_quality, code, phase, value, limit_value FROM events "
    "WHERE meter_id = ? AND epoch = ? AND sequence = ?"
)


_LATER = (
    "SELECT 1 FROM events WHERE meter_id = ? AND epoch = ? AND sequence > ? AND code = ? LIMIT 1"
)

ASKS = 3
"""How often a meter begins anew and leaves events out again, before they count as overwritten."""

_ANEW_EVERY_MS = 20_000  # within it a frame is a repeat of the one before


@dataclass(frozen=True, slots=True)
class Taken:
    """stored_count: events that are new. conflicts: ids under which others are held."""

    stored_count: int
    conflicts: tuple[str, ...]


def take(
    connection: sqlite3.Connection, origin: Origin, promise: Promise, items: Sequence[Fields]
) -> Taken:
    """Store the events that are not held yet. One that is held is never overwritten."""
    near = sequence_next(connection, origin.meter_id, origin.epoch)
    stored_count, conflicts = 0, []
    for place, fields in enumerate(items):
        sequence = near = (
            unwrap(fields["event_sequence"], near) if near else fields["event_sequence"]
        )
        is_former = any(one["code"] == EventCode.RESTARTED for one in items[place + 1 :])
        measured_at_s = _measured_at_s(origin, promise, fields, is_former=is_former)
        if _insert(connection, origin, sequence, fields, measured_at_s):
            stored_count += 1
            _follow(connection, origin, sequence, fields)
        elif not _agrees(connection, origin, sequence, fields):
            conflicts.append(event_id(origin.meter_id, origin.epoch, sequence))
    if stored_count:
        promise.errand = 1  # some before them may be missing, and are asked for
    if items and stored_count < len(items):
        _weigh_gaps(connection, origin, unwrap(items[0]["event_sequence"], near))
    return Taken(stored_count, tuple(conflicts))


def missing(connection: sqlite3.Connection, meter_id: int, epoch: int) -> int | None:
    """Return the first event that is missing and that the meter may still have."""
    row = connection.execute(
        "SELECT MIN(first_sequence) FROM event_gaps "
        "WHERE meter_id = ? AND epoch = ? AND asks_left > 0",
        (meter_id, epoch),
    ).fetchone()
    return None if row[0] is None else int(row[0])


def sequence_next(connection: sqlite3.Connection, meter_id: int, epoch: int) -> int:
    """Return the sequence after the newest event that is held, unwrapped; 0 without any."""
    row = connection.execute(
        "SELECT MAX(sequence) FROM events WHERE meter_id = ? AND epoch = ?", (meter_id, epoch)
    ).fetchone()
    return 0 if row[0] is None else int(row[0]) + 1


def gaps(connection: sqlite3.Connection, meter_id: int, epoch: int) -> list[Range]:
    """Return the sequences of events that never came, in order."""
    return connection.execute(
        "SELECT first_sequence, last_sequence FROM event_gaps "
        "WHERE meter_id = ? AND epoch = ? ORDER BY first_sequence",
        (meter_id, epoch),
    ).fetchall()


def _weigh_gaps(connection: sqlite3.Connection, origin: Origin, first: int) -> None:
    """Take note that a meter that began anew at ``first`` has left out what is before it."""
    connection.execute(
        "UPDATE event_gaps SET asks_left = asks_left - 1, asked_at_ms = ?1 "
        "WHERE meter_id = ?2 AND epoch = ?3 AND first_sequence < ?4 AND asks_left > 0 "
        "AND ABS(?1 - asked_at_ms) >= ?5",
        (origin.received_at_ms, origin.meter_id, origin.epoch, first, _ANEW_EVERY_MS),
    )


def _measured_at_s(
    origin: Origin, promise: Promise, fields: Fields, *, is_former: bool
) -> int | None:
    """Return when an event was in UTC, None when that cannot be known.

    is_former: it is from before the newest start of the meter, so that its seconds count from
    another start than HELLO told of.
    """
    if fields["time_quality"] != TimeQuality.UNSET:
        return fields["taken_at_s"]
    if is_former or promise.clock_offset_s is None:
        return None
    placed_s = fields["taken_at_s"] + promise.clock_offset_s
    return placed_s if placed_s <= origin.received_at_ms // 1000 + _FUTURE_S else None


def _insert(
    connection: sqlite3.Connection,
    origin: Origin,
    sequence: int,
    fields: Fields,
    measured_at_s: int | None,
) -> bool:
    """Insert an event and note which before it did not come; return whether it was new.

    One from before the newest is new only if it was missing: else it is held, or was forgotten.
    """
    begun = sequence_next(connection, origin.meter_id, origin.epoch)
    key = (origin.meter_id, origin.epoch, sequence)
    if sequence < begun and not _fill_gap(connection, key):
        return False
    row = (*key, *(fields[name] for name in _NAMES), measured_at_s, origin.received_at_ms)
    connection.execute(_INSERT, row)
    if sequence > begun:
        _note_gap(connection, key, (begun, sequence - 1), origin.received_at_ms)
    return True


def _note_gap(
    connection: sqlite3.Connection,
    key: EventKey,
    gap: Range,
    noticed_at_ms: int,
    asks: tuple[int, int] | None = None,
) -> None:
    asks = asks or (ASKS, noticed_at_ms)

    connection.execute(
        "INSERT INTO event_gaps (meter_id, epoch, first_sequence, last_sequence, noticed_at_ms, "
        "asks_left, asked_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*key[:2], *gap, noticed_at_ms, *asks),
    )


def _fill_gap(connection: sqlite3.Connection, key: EventKey) -> bool:
    """Cut out of its gap an event that came late; return whether there was one."""
    meter_id, epoch, sequence = key
    found = connection.execute(
        "SELECT first_sequence, last_sequence, noticed_at_ms, asks_left, asked_at_ms "
        "FROM event_gaps "
        "WHERE meter_id = ? AND epoch = ? AND first_sequence <= ? AND last_sequence >= ?",
        (*key, sequence),
    ).fetchall()
    for first, last, noticed_at_ms, *asks in found:
        connection.execute(
            "DELETE FROM event_gaps WHERE meter_id = ? AND epoch = ? AND first_sequence = ?",
            (meter_id, epoch, first),
        )
        for left in without([(first, last)], [(sequence, sequence)]):
            _note_gap(connection, key, left, noticed_at_ms, (asks[0], asks[1]))
    return bool(found)


def _follow(connection: sqlite3.Connection, origin: Origin, sequence: int, fields: Fields) -> None:
    """Let an event take its effect on an alarm, unless a later one of it is held."""
    key = (origin.meter_id, origin.epoch, sequence)
    later = connection.execute(_LATER, (*key, fields["code"])).fetchone()
    if later is None:
        alarm_state.follow(connection, key, fields["code"], fields["phase"])


def _agrees(connection: sqlite3.Connection, origin: Origin, sequence: int, fields: Fields) -> bool:
    key = (origin.meter_id, origin.epoch, sequence)
    held = connection.execute(_HELD, key).fetchone()
    return held is None or held == tuple(fields[name] for name in _NAMES)
