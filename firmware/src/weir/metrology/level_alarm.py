"""An alarm on a value that must not be beyond a limit."""

from micropython import const
from weir.settings.table_gen import ALARMS

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from weir.metrology.alarm_states import AlarmStates

_ON = const(2)  # places in a row
_LIMIT = const(3)
_HYSTERESIS = const(4)
_DURATION = const(5)


def row_of(code: int) -> "tuple[int, ...]":
    """Return an alarm's row: code, status, keys of switch, limit, hysteresis, duration, clear."""
    for row in ALARMS:
        if row[0] == code:
            return row
    raise ValueError(code)


class LevelAlarm:
    """A value beyond its limit for so long; cleared when it is back by the hysteresis.

    A value that was beyond at two samples in a row was so in between, however late the second
    came. A sample without a value neither raises nor clears, and interrupts nothing.
    """

    def __init__(
        self, states: "AlarmStates", code: int, sign: int, clear_min: "int | None" = None
    ) -> None:
        """sign: 1 for a limit above, -1 for one below. clear_min: a value that always clears."""
        self._states = states
        self._code = code
        self._row = row_of(code)
        self._sign = sign
        self._clear_min = clear_min
        self._value = 0  # the last there was
        self._since_ms: int | None = None  # beyond the limit at every sample since then

    def sample(self, now_ms: int, value: "int | None") -> None:
        if value is not None:
            self._value = value
        if not self._states.value_of(self._row[_ON]):
            self._switched_off()
        elif value is not None:
            self._judge(now_ms, value, self._states.value_of(self._row[_LIMIT]))

    def _switched_off(self) -> None:
        states = self._states
        self._since_ms = None
        if states.is_raised(self._code):
            states.turn(self._code, False, self._value, states.value_of(self._row[_LIMIT]))

    def _is_back(self, value: int, limit: int) -> bool:
        back = limit - self._sign * self._states.value_of(self._row[_HYSTERESIS])
        if self._clear_min is not None and back < self._clear_min:
            back = self._clear_min
        return (value - back) * self._sign <= 0

    def _judge(self, now_ms: int, value: int, limit: int) -> None:
        states = self._states
        if states.is_raised(self._code):
            if self._is_back(value, limit):
                states.turn(self._code, False, value, limit)
            return
        if (value - limit) * self._sign <= 0:
            self._since_ms = None
            return
        if self._since_ms is None:
            self._since_ms = now_ms
        if now_ms - self._since_ms >= states.value_of(self._row[_DURATION]) * 1000:
            self._since_ms = None
            states.turn(self._code, True, value, limit)
