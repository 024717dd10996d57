"""What the meter does about alarms: it notes them, marks its records, and calls."""

from micropython import const
from weir.hal.senses import TRIGGER
from weir.last_raised import last_raised
from weir.link import tables_gen as t
from weir.link.dispatch import ahead
from weir.metrology.alarms import Alarms
from weir.schedule.call_budget import CallBudget
from weir.settings import table_gen as k

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from collections.abc import Callable

    from weir.event_outbox import EventOutbox
    from weir.metrology.interval import Interval
    from weir.metrology.registers import Registers
    from weir.notes import Notes
    from weir.step import Inputs

# A person at the meter is answered at once; a contact that chatters must not empty the battery.
_TRIGGERS_MAX = const(6)
_TRIGGER_INTERVAL_MS = const(300_000)


class AlarmWatch:
    """Holds the alarms against every sample and every step.

    What is raised or cleared is durable before anything else comes of it, and owes a call.

    notes: where it writes.
    triggered: a person asks for a reading; whoever has taken note sets it to False.
    """

    def __init__(
        self,
        value_of: "Callable[[int], int]",
        registers: "Registers",
        interval: "Interval",
        notes: "Notes",
        outbox: "EventOutbox | None",
    ) -> None:
        """value_of: gives the value in force of a setting's key. outbox: None without a ring."""
        self.triggered = False
        self._value_of = value_of
        self._registers = registers
        self._interval = interval
        self.notes = notes
        self._outbox = outbox
        self._alarms = Alarms(value_of, self._report)
        self._budget = CallBudget()
        self._trigger_budget = CallBudget()
        self._now_ms = 0
        self._senses = 0
        self._newest: int | None = None  # sequence of the alarm noted last
        self._owed = False  # a call

    def start(self, now_ms: int) -> None:
        """Begin; go on with the alarms that were raised when the meter was last awake."""
        registers = self._registers
        self._now_ms = now_ms
        self._alarms.start(now_ms, registers.forward_pulses, registers.reverse_pulses)
        if self.notes.events is not None:
            for code, value in last_raised(self.notes.events, self._value_of):
                self._alarms.restore(now_ms, code, value)
            self.notes.raised = self._alarms.raised

    def step(self, inputs: "Inputs") -> None:
        """Judge what the meter feels. To be called in every step."""
        self._now_ms = inputs.now_ms
        self._alarms.sense(inputs.now_ms, inputs.senses, inputs.illegal_transitions)
        self._interval.flag(self._alarms.status)
        came = inputs.senses & ~self._senses
        self._senses = inputs.senses
        if came & TRIGGER:
            self._take_trigger(inputs.now_ms)

    def sample(self, inputs: "Inputs") -> None:
        """Judge what a sample shows, before its interval ends. Registers are up to date."""
        registers = self._registers
        self._now_ms = inputs.now_ms
        self._alarms.sample(
            inputs.now_ms,
            registers.forward_pulses,
            registers.reverse_pulses,
            inputs.pressure_kpa,
            inputs.battery_mv,
        )
        self._interval.flag(self._alarms.status)

    @property
    def status(self) -> int:
        """Status bits of what is raised now."""
        return self._alarms.status

    @property
    def flow_l_per_h(self) -> int:
        """Forward less reverse flow, as of the last sample; while it is unknown, the mean."""
        forward, reverse = self._alarms.forward_flow, self._alarms.reverse_flow
        forward_l_per_h, reverse_l_per_h = forward.l_per_h, reverse.l_per_h
        if forward_l_per_h is None:
            forward_l_per_h = forward.mean_l_per_h
        if reverse_l_per_h is None:
            reverse_l_per_h = reverse.mean_l_per_h
        return forward_l_per_h - reverse_l_per_h

    @property
    def untold(self) -> bool:
        """Whether the gateway does not hold the newest alarm yet."""
        if self._newest is None or self._outbox is None:
            return False
        return ahead(self._newest, self._outbox.cursor) >= 0

    def take_call(self, now_ms: int, *, is_free: bool) -> bool:
        """Return whether what has been noted opens a session now, or goes on in one.

        is_free: there is one already, so it costs nothing of the budget.
        """
        if not self._owes_call:
            return False
        if not is_free:
            if self._ready_at_ms(now_ms) > now_ms:
                return False
            self._budget.spend(now_ms, self._value_of(k.K_ALARM_CALLS_MAX))
        self._owed = False
        return True

    def owe_call(self) -> None:
        """Take note that a session has ended before all was told: another is owed."""
        self._owed = True

    def wake_at_ms(self, now_ms: int) -> "int | None":
        """Return when the next step is due at the latest; None for no matter when."""
        wake_at_ms = self._alarms.sense_at_ms
        if self._owes_call:
            ready_at_ms = self._ready_at_ms(now_ms)
            if wake_at_ms is None or ready_at_ms < wake_at_ms:
                wake_at_ms = ready_at_ms
        return wake_at_ms

    @property
    def _owes_call(self) -> bool:
        return self._owed and self.untold

    def _ready_at_ms(self, now_ms: int) -> int:
        value_of = self._value_of
        interval_ms = value_of(k.K_ALARM_CALL_INTERVAL_S) * 1000
        return self._budget.ready_at_ms(now_ms, value_of(k.K_ALARM_CALLS_MAX), interval_ms)

    def _report(self, code: int, is_raised: bool, value: int, limit: int) -> None:
        phase = t.PHASE_RAISE if is_raised else t.PHASE_CLEAR
        self.notes.raised = self._alarms.raised
        if self.notes.note(self._now_ms, code, value, limit, phase):
            assert self.notes.events is not None
            self._newest = (self.notes.events.sequence_next - 1) & 0xFFFFFFFF
            self._owed = True

    def _take_trigger(self, now_ms: int) -> None:
        budget = self._trigger_budget
        if budget.ready_at_ms(now_ms, _TRIGGERS_MAX, _TRIGGER_INTERVAL_MS) > now_ms:
            return
        budget.spend(now_ms, _TRIGGERS_MAX)
        self.notes.note(now_ms, t.EVENT_TRIGGERED)
        self.triggered = True
