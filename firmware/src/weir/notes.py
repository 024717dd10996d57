"""What the meter writes down beside its readings."""

from micropython import const
from weir.link.tables_gen import PHASE_NOTE
from weir.store.slots import FlashWornOut

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from weir.schedule.timekeeper import Timekeeper
    from weir.store.journal import Journal

_VALUE_MIN = const(-0x80000000)
_VALUE_MAX = const(0x7FFFFFFF)


class Notes:
    """Events, each with its time, in a ring of their own. Where that is worn out, there are none.

    events: the ring, None when it is worn out.
    raised: the alarms that are raised, a bit for each code; kept with every event.
    """

    def __init__(self, events: "Journal | None", timekeeper: "Timekeeper") -> None:
        self.events = events
        self.raised = 0
        self._timekeeper = timekeeper
        self._event = [0] * 7

    def note(
        self, now_ms: int, code: int, value: int = 0, limit: int = 0, phase: int = PHASE_NOTE
    ) -> bool:
        """Store an event; return whether it is durable. Values are kept within 32 bits."""
        if self.events is None:
            return False
        event = self._event
        event[0] = self._timekeeper.calendar_ms(now_ms) // 1000
        event[1] = self._timekeeper.quality(now_ms)
        event[2], event[3] = code, phase
        event[4] = min(max(value, _VALUE_MIN), _VALUE_MAX)
        event[5] = min(max(limit, _VALUE_MIN), _VALUE_MAX)
        event[6] = self.raised
        try:
            self.events.append(event)
        except FlashWornOut:
            self.events = None
        return self.events is not None
