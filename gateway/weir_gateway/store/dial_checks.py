"""Dial checks: what a person read off a meter's dial, beside what the meter said then."""

import sqlite3
from typing import Final, NamedTuple


class StoredCheck(NamedTuple):
    """register_source: which of the meter's words the register is from."""

    meter_id: int
    made_at_ms: int
    made_by: str
    note: str | None
    dial_ml: int
    register_source: str
    register_at_ms: int
    epoch: int
    forward_pulses: int
    reverse_pulses: int
    pulse_weight_ml: int

    @property
    def register_ml(self) -> int:
        """What a dial that turns both ways shows: forward less reverse."""
        return (self.forward_pulses - self.reverse_pulses) * self.pulse_weight_ml

    @property
    def difference_ml(self) -> int:
        return self.register_ml - self.dial_ml


COLUMNS: Final = StoredCheck._fields
MARKS: Final = ", ".join("?" * len(COLUMNS))
_NAMES = ", ".join(COLUMNS)


def add(connection: sqlite3.Connection, check: StoredCheck) -> StoredCheck:
    """Keep a check; return it with the time that names it, later than those before."""
    row = connection.execute(
        "SELECT COALESCE(MAX(made_at_ms), 0) + 1 FROM dial_checks WHERE meter_id = ?",
        (check.meter_id,),
    ).fetchone()
    named = check._replace(made_at_ms=max(check.made_at_ms, row[0]))
    connection.execute(f"INSERT INTO dial_checks ({_NAMES}) VALUES ({MARKS})", named)
    return named


def newest(
    connection: sqlite3.Connection, meter_id: int, count_max: int
) -> list[tuple[int, StoredCheck]]:
    """Return the newest checks of a meter with their numbers, newest first."""
    (count,) = connection.execute(
        "SELECT COUNT(*) FROM dial_checks WHERE meter_id = ?", (meter_id,)
    ).fetchone()
    rows = connection.execute(
        f"SELECT {_NAMES} FROM dial_checks WHERE meter_id = ? ORDER BY made_at_ms DESC LIMIT ?",
        (meter_id, count_max),
    )
    return [(count - place, StoredCheck._make(row)) for place, row in enumerate(rows)]
