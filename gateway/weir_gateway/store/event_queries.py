"""What is asked of events and alarms without changing them."""

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from weir_gateway.store.rows import EventKey


class StoredEvent(NamedTuple):
    """number: the order in which the gateway came to know. alarm_*: the event that raised it."""

    number: int
    meter_id: int
    epoch: int
    sequence: int
    taken_at_s: int
    time_quality: int
    measured_at_s: int | None
    code: int
    phase: int
    value: int
    limit_value: int
    alarm_epoch: int | None
    alarm_sequence: int | None
    received_at_ms: int


class StoredAlarm(NamedTuple):
    """An alarm: what raised it, what cleared it, and its newest acknowledgement."""

    raised: StoredEvent
    cleared_at_s: int | None
    cleared_value: int | None
    cleared_received_at_ms: int | None
    made_at_ms: int | None
    made_by: str | None
    note: str | None

    @property
    def is_active(self) -> bool:
        return self.cleared_received_at_ms is None


EVENT_COLUMNS = ", ".join(f"e.{name}" for name in StoredEvent._fields)
_EVENT_WIDTH = len(StoredEvent._fields)
NUMBER_MAX = (1 << 63) - 1

# Events only grow in number, alarms hardly do: a CROSS JOIN keeps SQLite to the order in which
# they are named, and INDEXED BY to the index that has nothing else in it.
_SELECT = f"""
SELECT {EVENT_COLUMNS}, c.measured_at_s, c.value, c.received_at_ms, k.made_at_ms, k.made_by, k.note
FROM"""
_WORDS = """
LEFT JOIN events c ON c.meter_id = a.meter_id AND c.epoch = a.cleared_epoch
    AND c.sequence = a.cleared_sequence
LEFT JOIN acknowledgements k ON k.meter_id = a.meter_id AND k.epoch = a.epoch
    AND k.sequence = a.sequence AND k.number = (
        SELECT MAX(number) FROM acknowledgements n WHERE n.meter_id = a.meter_id
        AND n.epoch = a.epoch AND n.sequence = a.sequence)
WHERE"""
_WITH_EVENT = "CROSS JOIN events e USING (meter_id, epoch, sequence)"
_WITH_ALARM = "CROSS JOIN alarms a USING (meter_id, epoch, sequence)"
_ACTIVE = f"""{_SELECT} alarms a INDEXED BY alarms_active {_WITH_EVENT} {_WORDS}
a.cleared_sequence IS NULL"""
_ALARM = f"{_SELECT} alarms a {_WITH_EVENT} {_WORDS} a.meter_id = ? AND a.epoch = ?"
_PAGE = f"{_SELECT} events e INDEXED BY events_raised {_WITH_ALARM} {_WORDS} e.phase = 1"
_PAGE_OF_METER = (
    f"{_SELECT} events e INDEXED BY events_of_meter {_WITH_ALARM} {_WORDS} e.meter_id = :meter_id"
)


def active_alarms(connection: sqlite3.Connection, meter_id: int | None) -> list[StoredAlarm]:
    """Return the active alarms of one meter, or of all, the newest first."""
    whose = "" if meter_id is None else "AND a.meter_id = :meter_id"
    rows = connection.execute(f"{_ACTIVE} {whose} ORDER BY e.number DESC", {"meter_id": meter_id})
    return [_alarm(row) for row in rows]


class AlarmState(NamedTuple):
    """active: the newest first. missing_event_count: events that the meter made and never came."""

    active: list[StoredAlarm]
    missing_event_count: int


def alarm_states(
    connection: sqlite3.Connection, meter_ids: Iterable[int]
) -> dict[int, AlarmState]:
    """Return how each of these meters is."""
    return {
        meter_id: AlarmState(
            active_alarms(connection, meter_id), missing_event_count(connection, meter_id)
        )
        for meter_id in meter_ids
    }


def missing_event_count(connection: sqlite3.Connection, meter_id: int | None) -> int:
    """Return how many events of one meter, or of all, never came."""
    whose = "" if meter_id is None else "WHERE meter_id = :meter_id"
    row = connection.execute(
        f"SELECT COALESCE(SUM(last_sequence - first_sequence + 1), 0) FROM event_gaps {whose}",
        {"meter_id": meter_id},
    ).fetchone()
    return int(row[0])


def alarms(
    connection: sqlite3.Connection, meter_id: int | None, before: int, count_max: int
) -> list[StoredAlarm]:
    """Return alarms, active or not, raised before an event's number, the newest first."""
    rows = connection.execute(
        f"{_PAGE if meter_id is None else _PAGE_OF_METER} AND e.number < :before "
        "ORDER BY e.number DESC LIMIT :count_max",
        {"meter_id": meter_id, "before": before, "count_max": count_max},
    )
    return [_alarm(row) for row in rows]


def find_alarm(connection: sqlite3.Connection, key: EventKey) -> StoredAlarm | None:
    """Return an alarm by the event that raised it; its sequence as the wire carries it."""
    row = connection.execute(
        f"{_ALARM} AND a.sequence % (1 << 32) = ? ORDER BY a.sequence DESC LIMIT 1", key
    ).fetchone()
    return None if row is None else _alarm(row)


def meters_with_alarms(connection: sqlite3.Connection) -> list[int]:
    """Return the meters with active alarms; some may have never been heard."""
    rows = connection.execute(
        "SELECT DISTINCT meter_id FROM alarms WHERE cleared_sequence IS NULL"
    )
    return [meter_id for (meter_id,) in rows]


def alarm_counts(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return how many alarms are active, and how many of these nobody has acknowledged."""
    row = connection.execute(
        "SELECT COUNT(*), COALESCE(SUM(NOT EXISTS (SELECT 1 FROM acknowledgements k "
        "WHERE k.meter_id = a.meter_id AND k.epoch = a.epoch AND k.sequence = a.sequence)), 0) "
        "FROM alarms a INDEXED BY alarms_active WHERE a.cleared_sequence IS NULL"
    ).fetchone()
    return int(row[0]), int(row[1])


def events_after(
    connection: sqlite3.Connection, meter_id: int | None, after: int, count_max: int
) -> list[StoredEvent]:
    """Return the events that came after a number, of one meter or of all, in order."""
    rows = connection.execute(
        f"{_events_of(meter_id)} e.number > :after ORDER BY e.number LIMIT :count_max",
        {"meter_id": meter_id, "after": after, "count_max": count_max},
    )
    return [StoredEvent._make(row) for row in rows]


def newest_events(
    connection: sqlite3.Connection, meter_id: int | None, up_to: int, count_max: int
) -> list[StoredEvent]:
    """Return the newest events up to a number, of one meter or of all, in order."""
    rows = connection.execute(
        f"{_events_of(meter_id)} e.number <= :up_to ORDER BY e.number DESC LIMIT :count_max",
        {"meter_id": meter_id, "up_to": up_to, "count_max": count_max},
    ).fetchall()
    return [StoredEvent._make(row) for row in rows[::-1]]


def _events_of(meter_id: int | None) -> str:
    if meter_id is None:
        return f"SELECT {EVENT_COLUMNS} FROM events e WHERE"
    source = "events e INDEXED BY events_of_meter"
    return f"SELECT {EVENT_COLUMNS} FROM {source} WHERE e.meter_id = :meter_id AND"


def newest_number(connection: sqlite3.Connection) -> int:
    """Return the number of the newest event, 0 without any."""
    row = connection.execute("SELECT COALESCE(MAX(number), 0) FROM events").fetchone()
    return int(row[0])


def _alarm(row: tuple[object, ...]) -> StoredAlarm:
    raised = StoredEvent._make(row[:_EVENT_WIDTH])
    return StoredAlarm._make([raised, *row[_EVENT_WIDTH:]])
