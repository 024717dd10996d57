"""Which alarms were raised when the meter was last awake, as its ring of events has it."""

from micropython import const
from weir.link.tables_gen import PHASE_RAISE
from weir.settings.table_gen import ALARMS

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from collections.abc import Callable

    from weir.store.journal import Journal

_CODE = const(2)  # places in an event
_PHASE = const(3)
_VALUE = const(4)
_RAISED = const(6)

_LIMIT = const(3)  # place in a row of ALARMS

_MASK = const(0xFFFFFFFF)


def last_raised(events: "Journal", value_of: "Callable[[int], int]") -> "list[tuple[int, int]]":
    """Return code and value of the alarms that the newest event says are raised.

    The value is the one that the alarm was raised with; where the ring has overwritten that, the
    limit in force, for so much it was at least.
    """
    event = [0] * 7
    if not events.read_last_into(event) or not event[_RAISED]:
        return []
    raised = event[_RAISED]
    values = _values_of(events, raised, event)
    found = []
    for row in ALARMS:
        code, limit_key = row[0], row[_LIMIT]
        if raised >> code & 1:
            value = values.get(code)
            if value is None:
                value = value_of(limit_key) if limit_key else 0
            found.append((code, value))
    return found


def _values_of(events: "Journal", raised: int, event: "list[int]") -> "dict[int, int]":
    """Return the values of the newest raise of each of these alarms that the ring still has."""
    values: dict[int, int] = {}
    sequence = events.sequence_next
    while raised and sequence != events.sequence_oldest:
        sequence = (sequence - 1) & _MASK
        if not events.read_into(sequence, event):
            continue
        code = event[_CODE]
        if event[_PHASE] == PHASE_RAISE and raised >> code & 1:
            values[code] = event[_VALUE]
            raised &= ~(1 << code)
    return values
