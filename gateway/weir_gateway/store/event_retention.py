"""Forgetting events and alarms that are old, published and over: a bounded number at once."""

import sqlite3

_PAST_ALARMS = """
SELECT a.meter_id, a.epoch, a.sequence FROM alarms a
JOIN events c ON c.meter_id = a.meter_id AND c.epoch = a.cleared_epoch
    AND c.sequence = a.cleared_sequence
WHERE c.published = 1 AND c.received_at_ms < ? LIMIT ?
"""

# The newest of each meter and epoch stays: its sequence says which comes next.
_FORGET_EVENTS = """
DELETE FROM events WHERE number IN (
    SELECT e.number FROM events e WHERE e.published = 1 AND e.received_at_ms < ? AND EXISTS (
        SELECT 1 FROM events n
        WHERE n.meter_id = e.meter_id AND n.epoch = e.epoch AND n.sequence > e.sequence
    ) AND NOT EXISTS (
        SELECT 1 FROM alarms a WHERE a.meter_id = e.meter_id
        AND a.epoch = e.alarm_epoch AND a.sequence = e.alarm_sequence
    ) LIMIT ?
)
"""


def forget_alarms(connection: sqlite3.Connection, before_ms: int, count_max: int) -> int:
    """Delete alarms that were cleared before a time, and who acknowledged them; return how many.

    Their events can be forgotten then.
    """
    keys = connection.execute(_PAST_ALARMS, (before_ms, count_max)).fetchall()
    where = "WHERE meter_id = ? AND epoch = ? AND sequence = ?"
    connection.executemany(f"DELETE FROM acknowledgements {where}", keys)
    connection.executemany(f"DELETE FROM alarms {where}", keys)
    return len(keys)


def forget_events(connection: sqlite3.Connection, before_ms: int, count_max: int) -> int:
    """Delete events that came before a time and belong to no alarm that is kept."""
    return connection.execute(_FORGET_EVENTS, (before_ms, count_max)).rowcount
