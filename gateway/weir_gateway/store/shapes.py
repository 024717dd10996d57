"""Which pulse weight and sample interval a record was taken under, however late it comes.

A settings report says from which record on they hold. A HELLO says only what holds now: then the
meter's present boot is the best that is known, until a report says better.
"""

import sqlite3
from collections.abc import Mapping
from typing import Any

from weir_gateway.store.promise import Origin, Promise

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
        _put(connection, origin, max(promise.boot_sequence, newest[0]), shape, is_guess=True)
    _follow_newest(connection, origin, promise)


def follow_report(
    connection: sqlite3.Connection, origin: Origin, promise: Promise, first: int, shape: Shape
) -> None:
    """Take over what holds from a record on, as the meter reports it."""
    connection.execute(
        "DELETE FROM shapes WHERE meter_id = ? AND epoch = ? AND is_guess = 1 "
        "AND first_sequence > 0 AND pulse_weight_ml = ? AND sample_interval_s = ?",
        (origin.meter_id, origin.epoch, *shape),
    )
    if _at(connection, origin, first) != shape:
        _put(connection, origin, first, shape, is_guess=False)
    _follow_newest(connection, origin, promise)


def of(connection: sqlite3.Connection, origin: Origin, promise: Promise, sequence: int) -> Shape:
    """Return the shape of a record: as a rule the one that holds now, without looking."""
    found = None
    if sequence < promise.shape_sequence:
        found = _at(connection, origin, sequence)
    return found or (promise.pulse_weight_ml, promise.sample_interval_s)


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
