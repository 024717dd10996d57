"""Alarms on what pulses show over a long time: reverse flow, a leak, no consumption."""

from micropython import const
from weir.settings import table_gen as k

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from weir.metrology.alarm_states import AlarmStates


class ReverseFlowAlarm:
    """The volume that ran back since reverse flow began; it is over when none came for so long.

    What flows forward meanwhile is taken off, so that water which only trembles adds up to
    nothing. The most that it was counts.
    """

    def __init__(self, states: "AlarmStates") -> None:
        self._states = states
        self._runs = False
        self._volume_ml = self._most_ml = 0
        self._began_ms = self._pulse_at_ms = 0

    def restore(self, now_ms: int, volume_l: int) -> None:
        """Go on with what had run back before a restart, and had lasted long enough."""
        self._runs = True
        self._volume_ml = self._most_ml = volume_l * 1000
        self._pulse_at_ms = now_ms
        self._began_ms = now_ms - self._states.value_of(k.K_REVERSE_FLOW_DURATION_S) * 1000

    def sample(self, now_ms: int, pulses: int, forward_pulses: int) -> None:
        value_of = self._states.value_of
        if pulses:
            if not self._runs:
                self._runs = True
                self._volume_ml = self._most_ml = 0
                self._began_ms = now_ms
            self._pulse_at_ms = now_ms
        elif not self._runs:
            return  # and so it is not raised
        elif now_ms - self._pulse_at_ms >= value_of(k.K_REVERSE_FLOW_QUIET_S) * 1000:
            self._runs = False
        self._add((pulses - forward_pulses) * value_of(k.K_PULSE_WEIGHT_ML))
        limit_l = value_of(k.K_REVERSE_FLOW_L)
        is_raised = (
            self._runs
            and bool(value_of(k.K_REVERSE_FLOW_ON))
            and self._most_ml >= limit_l * 1000
            and now_ms - self._began_ms >= value_of(k.K_REVERSE_FLOW_DURATION_S) * 1000
        )
        self._states.turn(k.A_REVERSE_FLOW, is_raised, self._most_ml // 1000, limit_l)

    def _add(self, volume_ml: int) -> None:
        self._volume_ml = max(self._volume_ml + volume_ml, 0)
        self._most_ml = max(self._most_ml, self._volume_ml)


class LeakAlarm:
    """Forward flow that never rests: pulses for so long, without a gap."""

    def __init__(self, states: "AlarmStates") -> None:
        self._states = states
        self._runs = False
        self._began_ms = self._pulse_at_ms = 0

    def restore(self, now_ms: int, lasted_s: int) -> None:
        self._runs = True
        self._began_ms = now_ms - lasted_s * 1000
        self._pulse_at_ms = now_ms

    def sample(self, now_ms: int, pulses: int) -> None:
        """Only samples without a pulse show a gap; one that comes late and has pulses does not."""
        value_of = self._states.value_of
        if pulses:
            if not self._runs:
                self._runs = True
                self._began_ms = now_ms
            self._pulse_at_ms = now_ms
        elif not self._runs:
            return  # and so it is not raised
        elif now_ms - self._pulse_at_ms >= value_of(k.K_LEAK_GAP_S) * 1000:
            self._runs = False
        limit_s = value_of(k.K_LEAK_DURATION_S)
        lasted_s = (self._pulse_at_ms - self._began_ms) // 1000
        is_raised = self._runs and bool(value_of(k.K_LEAK_ON)) and lasted_s >= limit_s
        self._states.turn(k.A_LEAK, is_raised, lasted_s, limit_s)


class NoConsumptionAlarm:
    """No forward pulse for so long; cleared by so many."""

    def __init__(self, states: "AlarmStates") -> None:
        self._states = states
        self._idle_since_ms = 0
        self._pulses = 0  # since it was raised

    def start(self, now_ms: int) -> None:
        self._idle_since_ms = now_ms

    def restore(self, now_ms: int, idle_s: int) -> None:
        self._idle_since_ms = now_ms - idle_s * 1000

    def sample(self, now_ms: int, pulses: int) -> None:
        states = self._states
        idle_s = (now_ms - self._idle_since_ms) // 1000
        limit_s = states.value_of(k.K_NO_CONSUMPTION_DURATION_S)
        if states.is_raised(k.A_NO_CONSUMPTION):
            self._pulses += pulses
            is_over = self._pulses >= states.value_of(k.K_NO_CONSUMPTION_CLEAR_PULSES)
        else:
            self._pulses = 0
            is_over = pulses > 0
        if is_over:
            self._idle_since_ms = now_ms
        is_on = bool(states.value_of(k.K_NO_CONSUMPTION_ON))
        is_raised = is_on and not is_over and idle_s >= limit_s
        states.turn(k.A_NO_CONSUMPTION, is_raised, idle_s, limit_s)
