"""Readings at a moment: asked of a meter (READ_NOW), or triggered by a person who stands at it.

What was measured after a request came answers every earlier request as well.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from weir_gateway.store import errands
from weir_gateway.store.promise import COUNTERS_BEGIN_S, Origin, Promise
from weir_gateway.store.read_errand import WAITING, on_wire
from weir_protocol.records import TimeQuality

WAITING_MAX = 20
"""Requests to one meter that wait for their answer."""

_LATENESS_S = 60  # a clock that is off by more than it claims, but not by more, answers still
_KEPT_MAX = 100  # of one meter, for the operator to look at


class StoredRead(NamedTuple):
    """A reading at a moment, or the wish for one. status: fields of its STATUS, None without."""

    meter_id: int
    number: int
    cause: str
    made_at_ms: int
    made_by: str | None
    request_id: str | None
    expires_at_ms: int | None
    sent_at_ms: int | None
    settled_at_ms: int | None
    epoch: int | None
    status: Mapping[str, int] | None
    pulse_weight_ml: int | None


_SELECT = f"SELECT {', '.join(StoredRead._fields)} FROM reads"


def make(
    connection: sqlite3.Connection,
    meter_id: int,
    now_ms: int,
    expires_at_ms: int,
    made_by: str,
    request_id: str | None,
) -> StoredRead | None:
    """Ask for a reading; return the request, None when too many wait already."""
    expire(connection, now_ms)
    waiting = connection.execute(
        f"SELECT COUNT(*) FROM reads WHERE meter_id = ? AND {WAITING}", (meter_id,)
    ).fetchone()
    if waiting[0] >= WAITING_MAX:
        return None
    number = _next_number(connection, meter_id, now_ms)
    connection.execute(
        "INSERT INTO reads (meter_id, number, cause, made_at_ms, made_by, request_id, "
        "expires_at_ms) VALUES (?, ?, 'asked', ?, ?, ?, ?)",
        (meter_id, number, now_ms, made_by, request_id, expires_at_ms),
    )
    errands.wake(connection, meter_id)
    return find(connection, meter_id, number)


def take_status(
    connection: sqlite3.Connection, origin: Origin, promise: Promise, status: Mapping[str, int]
) -> None:
    """Settle what a STATUS answers, or keep what a person triggered."""
    weight_ml = origin.pulse_weight_ml or promise.pulse_weight_ml
    answer = (origin.received_at_ms, origin.epoch, json.dumps(dict(status)), weight_ml)
    if status["request"] == 0:
        _note_triggered(connection, origin, answer)
        return
    rows = connection.execute(
        f"SELECT number FROM reads WHERE meter_id = ? AND {WAITING} AND made_at_ms <= ? "
        "ORDER BY number DESC",
        (origin.meter_id, _measured_at_ms_max(origin, status)),
    )
    asked = next((one for (one,) in rows if on_wire(one) == status["request"]), None)
    if asked is not None:
        connection.execute(
            "UPDATE reads SET settled_at_ms = ?, epoch = ?, status = ?, pulse_weight_ml = ? "
            f"WHERE meter_id = ? AND number <= ? AND {WAITING}",
            (*answer, origin.meter_id, asked),
        )


def _measured_at_ms_max(origin: Origin, status: Mapping[str, int]) -> int:
    """Return when a STATUS was measured at the latest, by what is known of the meter's clock.

    What was asked for later, it does not answer: it was made for a request of the same name, in a
    database that was lost.
    """
    error_s = TimeQuality(min(status["time_quality"], TimeQuality.WORSE)).error_s
    if error_s is None:
        return origin.received_at_ms
    return int((status["taken_at_s"] + error_s + _LATENESS_S) * 1000)


def _note_triggered(
    connection: sqlite3.Connection, origin: Origin, answer: tuple[int, int, str, int]
) -> None:
    """Keep a reading that nobody asked for; one that the meter sent twice is kept once."""
    before = connection.execute(
        "SELECT epoch, status FROM reads WHERE meter_id = ? AND cause = 'triggered' "
        "ORDER BY number DESC LIMIT 1",
        (origin.meter_id,),
    ).fetchone()
    if before == answer[1:3]:
        return
    number = _next_number(connection, origin.meter_id, origin.received_at_ms)
    connection.execute(
        "INSERT INTO reads (meter_id, number, cause, made_at_ms, settled_at_ms, epoch, status, "
        "pulse_weight_ml) VALUES (?, ?, 'triggered', ?, ?, ?, ?, ?)",
        (origin.meter_id, number, origin.received_at_ms, *answer),
    )


def has_expired(connection: sqlite3.Connection, now_ms: int) -> bool:
    """Return whether the time of a request ran out."""
    found = connection.execute(
        f"SELECT 1 FROM reads WHERE {WAITING} AND expires_at_ms <= ? LIMIT 1", (now_ms,)
    )
    return found.fetchone() is not None


def expire(connection: sqlite3.Connection, now_ms: int) -> None:
    """Settle the requests whose time ran out, without an answer."""
    connection.execute(
        f"UPDATE reads SET settled_at_ms = expires_at_ms WHERE {WAITING} AND expires_at_ms <= ?",
        (now_ms,),
    )


def untold(connection: sqlite3.Connection, count_max: int) -> list[StoredRead]:
    """Return the oldest that are settled and were not told on MQTT yet."""
    rows = connection.execute(
        f"{_SELECT} WHERE settled_at_ms IS NOT NULL AND told = 0 "
        "ORDER BY settled_at_ms, meter_id, number LIMIT ?",
        (count_max,),
    )
    return [_stored(row) for row in rows]


def mark_told(connection: sqlite3.Connection, reads: Iterable[tuple[int, int]]) -> None:
    """Take note that the broker has these, by meter and number."""
    connection.executemany("UPDATE reads SET told = 1 WHERE meter_id = ? AND number = ?", reads)


def find(connection: sqlite3.Connection, meter_id: int, number: int) -> StoredRead | None:
    row = connection.execute(
        f"{_SELECT} WHERE meter_id = ? AND number = ?", (meter_id, number)
    ).fetchone()
    return None if row is None else _stored(row)


def newest(connection: sqlite3.Connection, meter_id: int, count_max: int) -> list[StoredRead]:
    """Return what a meter was asked for and what was triggered, newest first."""
    rows = connection.execute(
        f"{_SELECT} WHERE meter_id = ? ORDER BY number DESC LIMIT ?", (meter_id, count_max)
    )
    return [_stored(row) for row in rows]


def newest_answered(
    connection: sqlite3.Connection, after_meter_id: int, count_max: int
) -> list[StoredRead]:
    """Return the newest measurement of each meter, by meter, those after one.

    One that is to be told yet is left out.
    """
    rows = connection.execute(
        f"{_SELECT} r WHERE meter_id > ? AND told = 1 AND number = (SELECT MAX(number) FROM reads "
        "WHERE meter_id = r.meter_id AND status IS NOT NULL) ORDER BY meter_id LIMIT ?",
        (after_meter_id, count_max),
    )
    return [_stored(row) for row in rows]


def _stored(row: tuple[Any, ...]) -> StoredRead:
    stored = StoredRead._make(row)
    status = row[StoredRead._fields.index("status")]
    return stored._replace(status=None if status is None else json.loads(status))


def _next_number(connection: sqlite3.Connection, meter_id: int, now_ms: int) -> int:
    """Return a free number, and forget what is told and too old to be looked at.

    The first is the seconds since COUNTERS_BEGIN_S, so that a fresh database gives none anew.
    """
    (newest,) = connection.execute(
        "SELECT MAX(number) FROM reads WHERE meter_id = ?", (meter_id,)
    ).fetchone()
    number = max(1, now_ms // 1000 - COUNTERS_BEGIN_S) if newest is None else int(newest) + 1
    connection.execute(
        "DELETE FROM reads WHERE meter_id = ? AND settled_at_ms IS NOT NULL AND told = 1 "
        "AND number <= ?",
        (meter_id, number - _KEPT_MAX),
    )
    return number
