"""Which alarms are active. An alarm is named by the event that raised it."""

import sqlite3

from weir_gateway.store.rows import GATEWAY_EPOCH, EventKey
from weir_protocol.records import EventPhase


def follow(connection: sqlite3.Connection, event: EventKey, code: int, phase: int) -> None:
    """Let an event that was stored just now raise or clear its meter's alarm of that code.

    What is raised while it is active goes on; what is cleared while it is not stays as it was.
    """
    if phase not in (EventPhase.RAISE, EventPhase.CLEAR):
        return
    alarm = active(connection, event[0], code)
    if phase == EventPhase.RAISE and alarm is None:
        alarm = event
        connection.execute("INSERT INTO alarms VALUES (?, ?, ?, ?, NULL, NULL)", (*event, code))
    elif phase == EventPhase.CLEAR and alarm is not None:
        connection.execute(
            "UPDATE alarms SET cleared_epoch = ?, cleared_sequence = ? "
            "WHERE meter_id = ? AND epoch = ? AND sequence = ?",
            (*event[1:], *alarm),
        )
    if alarm is not None:
        connection.execute(
            "UPDATE events SET alarm_epoch = ?, alarm_sequence = ? "
            "WHERE meter_id = ? AND epoch = ? AND sequence = ?",
            (*alarm[1:], *event),
        )


def active(connection: sqlite3.Connection, meter_id: int, code: int) -> EventKey | None:
    """Return the active alarm of a meter and code, None without one."""
    row: EventKey | None = connection.execute(
        "SELECT meter_id, epoch, sequence FROM alarms "
        "WHERE meter_id = ? AND code = ? AND cleared_sequence IS NULL",
        (meter_id, code),
    ).fetchone()
    return row


def active_codes(connection: sqlite3.Connection, meter_id: int, but_of_epoch: int) -> list[int]:
    """Return the codes of a meter's active alarms that it raised in other epochs than this."""
    rows = connection.execute(
        "SELECT code FROM alarms WHERE meter_id = ? AND cleared_sequence IS NULL "
        "AND epoch NOT IN (?, ?) ORDER BY code",
        (meter_id, but_of_epoch, GATEWAY_EPOCH),
    )
    return [code for (code,) in rows]
