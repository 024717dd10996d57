"""Events that the gateway notes itself, with a sequence of their own for each meter."""

import sqlite3
from dataclasses import dataclass

from weir_gateway.store import alarm_state
from weir_gateway.store.promise import COUNTERS_BEGIN_S, Origin
from weir_gateway.store.rows import GATEWAY_EPOCH
from weir_protocol.records import EventPhase, TimeQuality


@dataclass(frozen=True, slots=True)
class Finding:
    """What the gateway noticed of a meter. value and limit: in the unit of the code."""

    meter_id: int
    code: int
    phase: EventPhase
    value: int
    limit: int
    noticed_at_ms: int


def note(connection: sqlite3.Connection, finding: Finding) -> bool:
    """Store what raises or clears an alarm, unless it changes nothing; return whether it did."""
    is_active = alarm_state.active(connection, finding.meter_id, finding.code) is not None
    if is_active == (finding.phase is EventPhase.RAISE):
        return False
    _append(connection, finding)
    return True


def active(connection: sqlite3.Connection) -> list[tuple[int, int]]:
    """Return meter and code of each active alarm that the gateway raised."""
    return connection.execute(
        "SELECT meter_id, code FROM alarms WHERE epoch = ? AND cleared_sequence IS NULL",
        (GATEWAY_EPOCH,),
    ).fetchall()


def end_older_epochs(connection: sqlite3.Connection, origin: Origin) -> int:
    """Clear what a meter raised in epochs that are over: it can not do so itself any more.

    Return how many alarms that were.
    """
    codes = alarm_state.active_codes(connection, origin.meter_id, origin.epoch)
    for code in codes:
        _append(
            connection,
            Finding(origin.meter_id, code, EventPhase.CLEAR, 0, 0, origin.received_at_ms),
        )
    return len(codes)


def _append(connection: sqlite3.Connection, finding: Finding) -> None:
    """Store an event under the next sequence.

    The first is the seconds since COUNTERS_BEGIN_S, so that a fresh database gives no id anew.
    """
    at_s = finding.noticed_at_ms // 1000
    (newest,) = connection.execute(
        "SELECT MAX(sequence) FROM events WHERE meter_id = ? AND epoch = ?",
        (finding.meter_id, GATEWAY_EPOCH),
    ).fetchone()
    sequence = max(0, at_s - COUNTERS_BEGIN_S) if newest is None else newest + 1
    key = (finding.meter_id, GATEWAY_EPOCH, sequence)
    connection.execute(
        "INSERT INTO events (meter_id, epoch, sequence, taken_at_s, time_quality, measured_at_s, "
        "code, phase, value, limit_value, received_at_ms) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(*key, at_s, int(TimeQuality.S0_5), at_s),
            *(finding.code, int(finding.phase), finding.value, finding.limit),
            finding.noticed_at_ms,
        ),
    )
    alarm_state.follow(connection, key, finding.code, finding.phase)
