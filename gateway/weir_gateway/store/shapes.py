"""Which pulse weight and sample interval a record was taken under, however late it comes.

A settings report says from which record on they hold. A HELLO says only what holds now: that is a
guess, until a report says better. Readings that were stored by a wrong guess are mended then.
"""

import sqlite3
from collections.abc import Mapping
from typing import Any

from weir_gateway.store.promise import Origin, Promise
from weir_gateway.store.sequences import unwrap

_END = (1 << 63) - 1

Shape = tuple[int, int]
"""Pulse weight in ml and sample interval in s."""


def follow_hello(
    connection: sqlite3.Connection, origin: Origin, promise: Promise, hello: Mapping[str, Any]
) -> None:
    """Take over what a HELLO says, as a guess where it is new."""
    shape = (hello["pulse_weight_ml"], hello["sample_interval_s"])
    newest = _newest(connection, origin)
    if newest is None:
        _put(connection, origin, 0, shape, is_guess=True)
    elif newest[1:] != shape:
        first = _changed_at(promise, newest[0], hello)
        _put(connection, origin, first, shape, is_guess=True)
    _follow_newest(connection, origin, promise)


def follow_report(
    connection: sqlite3.Connection, origin: Origin, promise: Promise, first: int, shape: Shape
) -> int:
    """Take over what holds from a record on, as the meter reports it.

    Return how many published readings are to be told again, because they had another shape.
    """
    guessed = _forget_guesses(connection, origin, first, shape)
    was = _at(connection, origin, first)
    if was != shape:
        _put(connection, origin, first, shape, is_guess=False)
    _follow_newest(connection, origin, promise)
    again = 0
    if was and guessed is not None and guessed < first:
        again = _mend(connection, origin, range(guessed, first), was)
    if was != shape or guessed is not None:
        again += _mend(connection, origin, range(first, _END), shape)
    return again


def of(connection: sqlite3.Connection, origin: Origin, promise: Promise, sequence: int) -> Shape:
    """Return the shape of a record: as a rule the one that holds now, without looking."""
    found = None
    if sequence < promise.shape_sequence:
        found = _at(connection, origin, sequence)
    return found or (promise.pulse_weight_ml, promise.sample_interval_s)


def _changed_at(promise: Promise, known_since: int, hello: Mapping[str, Any]) -> int:
    """Return from where on a shape holds that a HELLO is the first to tell of.

    At the start of a boot that is new; within one, only what the meter takes now is sure to be.
    """
    if promise.boot_sequence > known_since:
        return promise.boot_sequence
    return max(known_since, unwrap(hello["sequence_next"], promise.sequence_next))


def _forget_guesses(
    connection: sqlite3.Connection, origin: Origin, first: int, shape: Shape
) -> int | None:
    """Forget what was guessed of this change, or of after it; return where that began."""
    rows = connection.execute(
        "DELETE FROM shapes WHERE meter_id = ? AND epoch = ? AND is_guess = 1 "
        "AND (first_sequence > ? OR first_sequence > 0 "
        "AND (pulse_weight_ml, sample_interval_s) = (?, ?)) RETURNING first_sequence",
        (origin.meter_id, origin.epoch, first, *shape),
    ).fetchall()
    return min((guessed for (guessed,) in rows), default=None)


def _mend(connection: sqlite3.Connection, origin: Origin, sequences: range, shape: Shape) -> int:
    """Give the readings of a range their true shape; return how many were published.

    The operator's weight, where there is one, stays what it is.
    """
    weight = "pulse_weight_ml" if origin.pulse_weight_ml else "?1"
    wrong = (
        "WHERE meter_id = ?3 AND epoch = ?4 AND sequence >= ?5 AND sequence < ?6 "
        f"AND (pulse_weight_ml, sample_interval_s) <> ({weight}, ?2)"
    )
    where = (*shape, origin.meter_id, origin.epoch, sequences.start, sequences.stop)
    again = connection.execute(
        f"UPDATE readings SET published = 0, replayed = 1 {wrong} AND published = 1", where
    ).rowcount
    connection.execute(
        f"UPDATE readings SET pulse_weight_ml = {weight}, sample_interval_s = ?2 {wrong}", where
    )
    return again


def _at(connection: sqlite3.Connection, origin: Origin, sequence: int) -> Shape | None:
    row = connection.execute(
        "SELECT pulse_weight_ml, sample_interval_s FROM shapes WHERE meter_id = ? AND epoch = ? "
        "AND first_sequence <= ? ORDER BY first_sequence DESC LIMIT 1",
        (origin.meter_id, origin.epoch, sequence),
    ).fetchone()
    return None if row is None else (int(row[0]), int(row[1]))


def _newest(connection: sqlite3.Connection, origin: Origin) -> tuple[int, int, int] | None:
    row: tuple[int, int, int] | None = connection.execute(
        "SELECT first_sequence, pulse_weight_ml, sample_interval_s FROM shapes "
        "WHERE meter_id = ? AND epoch = ? ORDER BY first_sequence DESC LIMIT 1",
        (origin.meter_id, origin.epoch),
    ).fetchone()
    return row


def _put(
    connection: sqlite3.Connection, origin: Origin, first: int, shape: Shape, *, is_guess: bool
) -> None:
    connection.execute(
        "INSERT INTO shapes VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
        "pulse_weight_ml = excluded.pulse_weight_ml, is_guess = excluded.is_guess, "
        "sample_interval_s = excluded.sample_interval_s",
        (origin.meter_id, origin.epoch, first, *shape, int(is_guess)),
    )


def _follow_newest(connection: sqlite3.Connection, origin: Origin, promise: Promise) -> None:
    newest = _newest(connection, origin)
    assert newest is not None
    promise.shape_sequence, promise.pulse_weight_ml, promise.sample_interval_s = newest
