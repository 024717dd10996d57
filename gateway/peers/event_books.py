"""Events straight into a database, for tests of what that leads to."""

from typing import Any

from peers.bookkeeping import METER, NOW_MS, Bookkeeping
from weir_gateway.store import custody
from weir_gateway.store.receipt import Receipt
from weir_protocol.records import EventCode, EventPhase, TimeQuality

NOTE, RAISE, CLEAR = EventPhase
FLOW_HIGH = 16
LEAK = 21


def event(
    sequence: int, code: int = EventCode.CLOCK_STEPPED, phase: int = NOTE, **changes: int
) -> dict[str, int]:
    """Return an event as it comes out of a frame."""
    return {
        "event_sequence": sequence,
        "taken_at_s": NOW_MS // 1000 - 5,
        "time_quality": int(TimeQuality.S0_5),
        "code": code,
        "phase": phase,
        "value": 120,
        "limit": 100,
        **changes,
    }


class EventBooks(Bookkeeping):
    """Takes events, and tells what became of alarms."""

    def tell(self, *items: dict[str, int], meter_id: int = METER) -> Receipt:
        return custody.take_events(self.connection, self.origin(meter_id=meter_id), items)

    def sequences(self) -> list[int]:
        return self.column("sequence")

    def column(self, name: str) -> list[Any]:
        rows = self.connection.execute(f"SELECT {name} FROM events ORDER BY number")
        return [value for (value,) in rows]

    def alarms(self) -> list[tuple[int, int, int | None]]:
        """Return sequence and code of each alarm, and the sequence of what cleared it."""
        return self.connection.execute(
            "SELECT sequence, code, cleared_sequence FROM alarms ORDER BY epoch, sequence"
        ).fetchall()

    def active(self) -> list[int]:
        return [code for _, code, cleared in self.alarms() if cleared is None]
