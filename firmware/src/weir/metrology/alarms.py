"""The alarms of a meter: from samples and senses to what is raised and what is cleared.

Every duration is counted by a clock that only goes forward, never by the calendar. A setting that
is changed counts from the next sample on, also for what is raised already.
"""

from micropython import const
from weir.hal.senses import COVER, LOOP_OPEN, MAGNET
from weir.metrology.alarm_states import AlarmStates
from weir.metrology.flow import Flow
from weir.metrology.flow_alarms import LeakAlarm, NoConsumptionAlarm, ReverseFlowAlarm
from weir.metrology.level_alarm import LevelAlarm
from weir.metrology.tamper_alarms import CableAlarm, SenseAlarm
from weir.settings import table_gen as k

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from weir.metrology.alarm_states import Report, ValueOf

_MASK = const(0xFFFFFFFF)
_HALF = const(0x80000000)


class Alarms:
    """All alarms of a meter.

    forward_flow, reverse_flow: as of the last sample.
    """

    def __init__(self, value_of: "ValueOf", report: "Report") -> None:
        """For the arguments see weir.metrology.alarm_states.AlarmStates."""
        self._states = states = AlarmStates(value_of, report)
        self.forward_flow = Flow()
        self.reverse_flow = Flow()
        self._flow_high = LevelAlarm(states, k.A_FLOW_HIGH, 1, 0)
        self._flow_low = LevelAlarm(states, k.A_FLOW_LOW, -1)
        self._burst = LevelAlarm(states, k.A_BURST, 1, 0)
        self._pressure_high = LevelAlarm(states, k.A_PRESSURE_HIGH, 1)
        self._pressure_low = LevelAlarm(states, k.A_PRESSURE_LOW, -1)
        self._battery_low = LevelAlarm(states, k.A_BATTERY_LOW, -1)
        self._reverse = ReverseFlowAlarm(states)
        self._leak = LeakAlarm(states)
        self._no_consumption = NoConsumptionAlarm(states)
        self._cover = SenseAlarm(states, k.A_TAMPER_COVER)
        self._magnet = SenseAlarm(states, k.A_TAMPER_MAGNET)
        self._cable = CableAlarm(states)
        self._forward_pulses = self._reverse_pulses = 0
        self._transitions = 0  # the hardware starts at 0

    def start(self, now_ms: int, forward_pulses: int, reverse_pulses: int) -> None:
        """Begin with these registers; nothing is known of the time before."""
        self._forward_pulses, self._reverse_pulses = forward_pulses, reverse_pulses
        self.forward_flow.start(now_ms)
        self.reverse_flow.start(now_ms)
        self._no_consumption.start(now_ms)
        self._cover.start(now_ms)
        self._magnet.start(now_ms)

    def restore(self, now_ms: int, code: int, value: int) -> None:
        """After ``start``: go on with an alarm that was raised, with that value, before it.

        It says nothing now, and is cleared when its time has come.
        """
        self._states.restore(code)
        if code == k.A_REVERSE_FLOW:
            self._reverse.restore(now_ms, value)
        elif code == k.A_LEAK:
            self._leak.restore(now_ms, value)
        elif code == k.A_NO_CONSUMPTION:
            self._no_consumption.restore(now_ms, value)
        elif code == k.A_TAMPER_CABLE:
            self._cable.restore(now_ms, value)

    def sample(
        self,
        now_ms: int,
        forward_pulses: int,
        reverse_pulses: int,
        pressure_kpa: "int | None",
        battery_mv: int,
    ) -> None:
        """Judge one sample: registers modulo 2**32, and what was measured; 0 mV for nothing."""
        forward = (forward_pulses - self._forward_pulses) & _MASK
        reverse = (reverse_pulses - self._reverse_pulses) & _MASK
        self._forward_pulses, self._reverse_pulses = forward_pulses, reverse_pulses
        self._measure_flow(now_ms, forward, reverse)
        self._flow_high.sample(now_ms, self._flow_against(k.K_FLOW_HIGH_L_PER_H))
        self._flow_low.sample(now_ms, self._flow_against(k.K_FLOW_LOW_L_PER_H))
        self._burst.sample(now_ms, self._flow_against(k.K_BURST_L_PER_H))
        self._reverse.sample(now_ms, reverse, forward)
        self._leak.sample(now_ms, forward)
        self._no_consumption.sample(now_ms, forward)
        self._pressure_high.sample(now_ms, pressure_kpa)
        self._pressure_low.sample(now_ms, pressure_kpa)
        self._battery_low.sample(now_ms, battery_mv or None)

    def _measure_flow(self, now_ms: int, forward: int, reverse: int) -> None:
        value_of = self._states.value_of
        weight_ml = value_of(k.K_PULSE_WEIGHT_ML)
        span_ms_min = value_of(k.K_SAMPLE_INTERVAL_S) * 500
        self.forward_flow.sample(now_ms, forward, weight_ml, span_ms_min)
        self.reverse_flow.sample(now_ms, reverse, weight_ml, span_ms_min)

    def _flow_against(self, limit_key: int) -> "int | None":
        """Return the forward flow; None while it is not known on which side of a limit it is."""
        flow = self.forward_flow
        if flow.l_per_h is not None:
            return flow.l_per_h
        at_most_l_per_h = flow.at_most_l_per_h
        if at_most_l_per_h is None or at_most_l_per_h >= self._states.value_of(limit_key):
            return None
        return at_most_l_per_h

    def sense(self, now_ms: int, senses: int, illegal_transitions: int) -> None:
        """Judge the senses, and the hardware's total of illegal transitions modulo 2**32.

        A total that went back comes from hardware that was restarted, and counts from 0.
        """
        transitions = (illegal_transitions - self._transitions) & _MASK
        if transitions >= _HALF:
            transitions = illegal_transitions
        self._transitions = illegal_transitions
        self._cover.sense(now_ms, senses & COVER != 0)
        self._magnet.sense(now_ms, senses & MAGNET != 0)
        self._cable.sense(now_ms, senses & LOOP_OPEN != 0, transitions)

    @property
    def sense_at_ms(self) -> "int | None":
        """When ``sense`` is due although nothing changes; None for never."""
        due_ms: int | None = None
        for alarm in (self._cover, self._magnet, self._cable):
            at_ms = alarm.due_ms
            if at_ms is not None and (due_ms is None or at_ms < due_ms):
                due_ms = at_ms
        return due_ms

    @property
    def raised(self) -> int:
        """The alarms that are raised, a bit for each code."""
        return self._states.raised

    @property
    def status(self) -> int:
        """The status bits of all that is raised."""
        return self._states.status
