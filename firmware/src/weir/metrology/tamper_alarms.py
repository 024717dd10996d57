"""Alarms on what is done to the meter: its cover, a magnet, its cable."""

from micropython import const
from weir.metrology.level_alarm import row_of
from weir.settings import table_gen as k

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from weir.metrology.alarm_states import AlarmStates


class SenseAlarm:
    """A sense that has been set for so long; cleared when it has not been for the quiet time."""

    def __init__(self, states: "AlarmStates", code: int) -> None:
        self._states = states
        self._code = code
        _, _, self._on, _, _, self._duration, self._quiet = row_of(code)
        self._is_set = False
        self._changed_at_ms = 0

    def start(self, now_ms: int) -> None:
        self._changed_at_ms = now_ms

    def sense(self, now_ms: int, is_set: bool) -> None:
        if is_set != self._is_set:
            self._is_set = is_set
            self._changed_at_ms = now_ms
        states, code = self._states, self._code
        if not is_set and not states.is_raised(code):
            return
        if not states.value_of(self._on):
            states.turn(code, False, 0, 1)
        elif is_set != states.is_raised(code) and now_ms >= self._settles_at_ms():
            states.turn(code, is_set, int(is_set), 1)

    def _settles_at_ms(self) -> int:
        key = self._duration if self._is_set else self._quiet
        return self._changed_at_ms + self._states.value_of(key) * 1000

    @property
    def due_ms(self) -> "int | None":
        """When it is raised or cleared if nothing changes; None for never."""
        if self._is_set == self._states.is_raised(self._code):
            return None
        return self._settles_at_ms() if self._states.value_of(self._on) else None


class CableAlarm:
    """An open loop, or many illegal transitions; it goes on until all is quiet for so long."""

    def __init__(self, states: "AlarmStates") -> None:
        self._states = states
        self._runs = False
        self._is_open = self._was_open = False
        self._transitions = 0
        self._began_ms = self._seen_ms = 0

    def restore(self, now_ms: int, transitions: int) -> None:
        """Go on with what had been seen before a restart, and had lasted long enough."""
        self._runs = self._was_open = True
        self._transitions = transitions
        self._seen_ms = now_ms
        self._began_ms = now_ms - self._states.value_of(k.K_TAMPER_CABLE_DURATION_S) * 1000

    def sense(self, now_ms: int, is_open: bool, transitions: int) -> None:
        if self._is_open:
            self._seen_ms = now_ms  # it was open until now
        self._is_open = is_open
        if is_open or transitions:
            self._go_on(now_ms, transitions)
        elif not self._runs:
            return  # and so it is not raised
        elif now_ms >= self._quiet_at_ms():
            self._runs = self._was_open = False
        self._judge()

    def _go_on(self, now_ms: int, transitions: int) -> None:
        if not self._runs:
            self._runs = True
            self._transitions = 0
            self._began_ms = now_ms
        self._transitions += transitions
        self._was_open = self._was_open or self._is_open
        self._seen_ms = now_ms

    def _judge(self) -> None:
        value_of = self._states.value_of
        limit = value_of(k.K_TAMPER_CABLE_TRANSITIONS)
        is_raised = (
            self._runs
            and bool(value_of(k.K_TAMPER_CABLE_ON))
            and (self._was_open or self._transitions >= limit)
            and self._seen_ms >= self._lasts_at_ms()
        )
        self._states.turn(k.A_TAMPER_CABLE, is_raised, self._transitions, limit)

    def _quiet_at_ms(self) -> int:
        return self._seen_ms + self._states.value_of(k.K_TAMPER_CABLE_QUIET_S) * 1000

    def _lasts_at_ms(self) -> int:
        return self._began_ms + self._states.value_of(k.K_TAMPER_CABLE_DURATION_S) * 1000

    @property
    def due_ms(self) -> "int | None":
        """When it is raised or cleared if nothing changes; None for never."""
        if not self._runs or not self._states.value_of(k.K_TAMPER_CABLE_ON):
            return None
        is_raised = self._states.is_raised(k.A_TAMPER_CABLE)
        if self._is_open:
            return None if is_raised else self._lasts_at_ms()
        return self._quiet_at_ms() if is_raised else None
