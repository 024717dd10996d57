"""The meter: one synchronous step from inputs to actions. Objects come in; nothing is opened."""

from micropython import const
from weir.calls import Calls
from weir.link import tables_gen as t
from weir.schedule import timekeeper as clock
from weir.settings import table_gen as g
from weir.settings_switch import SettingsSwitch
from weir.step import Actions

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from weir.alarm_watch import AlarmWatch
    from weir.calls import Session
    from weir.mailbox import Mailbox
    from weir.recorder import Recorder
    from weir.schedule.timekeeper import Timekeeper
    from weir.schedule.timetable import Timetable
    from weir.self_description import SelfDescription
    from weir.settings.in_force import Settings
    from weir.step import Inputs

_BY_PERSON = const(0)  # the request of a reading that a person asked for at the meter
_LATEST_MS = const(4_290_000_000_000)  # in 2105; records count seconds up to 2106


class Meter:
    """Counts, samples, stores and calls its gateway, each when it is due.

    A step that comes late loses no pulse: what is overdue is done once, at its true time.
    """

    def __init__(
        self,
        settings: "Settings",
        timekeeper: "Timekeeper",
        timetable: "Timetable",
        recorder: "Recorder",
        watch: "AlarmWatch",
        errands: "Mailbox",
        session: "Session",
        describe: "SelfDescription",
    ) -> None:
        self._settings = settings
        self._timekeeper = timekeeper
        self._timetable = timetable
        self._recorder = recorder
        self._notes = watch.notes
        self._watch = watch
        self._errands = errands
        self._session = session
        self._calls = Calls(session, settings, errands, timekeeper, timetable, watch)
        self._switch = SettingsSwitch(
            settings, recorder, timekeeper, timetable, session.dispatch, watch.notes, errands
        )
        self._describe = describe
        self._actions = Actions()
        self._started = False
        self._read_at_ms: int | None = None  # when what was asked for is measured

    def pressure_due(self, now_ms: int) -> bool:
        """Return whether a step at ``now_ms`` measures pressure."""
        if not self._started:
            return False
        read_due = self._read_at_ms is not None and now_ms >= self._read_at_ms
        return read_due or self._timetable.sample_due(self._timekeeper.calendar_ms(now_ms))

    def step(self, inputs: "Inputs") -> Actions:
        """Do all that is due; return what to do until the next step. One object, used again."""
        now_ms = inputs.now_ms
        if not self._started:
            self._start(now_ms)
            if self._settings.trial_is_lost:  # the calls that it had ended in a reset
                self._roll_back(inputs)
        self._recorder.take(inputs.forward_pulses, inputs.reverse_pulses)
        self._watch.step(inputs)
        if self._errands.read_wanted and self.pressure_due(now_ms):
            self._read(now_ms, inputs.pressure_kpa)
        calendar_ms = self._timekeeper.calendar_ms(now_ms)
        if self._timetable.sample_due(calendar_ms):
            self._watch.sample(inputs)
            self._recorder.sample(now_ms, calendar_ms, inputs.pressure_kpa)
        self._communicate(inputs)
        self._plan(inputs)
        return self._actions

    def _start(self, now_ms: int) -> None:
        self._started = True
        self._switch.follow()
        self._timekeeper.start(now_ms)
        self._timetable.start(0)
        events = self._notes.events
        self._recorder.start(now_ms, first=events is not None and events.sequence_next == 0)
        self._watch.start(now_ms)
        self._notes.note(now_ms, t.EVENT_RESTARTED, self._describe.reset_cause)

    def _read(self, now_ms: int, pressure_kpa: "int | None") -> None:
        """Answer who asked for a reading: all here is measured after the request was heard."""
        self._read_at_ms = None
        weight_ml = self._settings.value(g.K_PULSE_WEIGHT_ML)
        flow_l_per_h = self._recorder.flow_l_per_h(now_ms, weight_ml)
        if flow_l_per_h is None:  # slow, or none: judged over as long as it takes
            flow_l_per_h = self._watch.flow_l_per_h
        self._errands.measured(self._describe.reading(now_ms, flow_l_per_h, pressure_kpa))

    def _communicate(self, inputs: "Inputs") -> None:
        now_ms = inputs.now_ms
        self._calls.receive(inputs)
        self._take_clock_offer(now_ms)
        if self._watch.triggered:
            self._watch.triggered = False
            self._errands.take_read(_BY_PERSON)
            self._calls.open(inputs)
        if self._errands.change is not None:
            self._change_settings(inputs)
        if self._errands.read_wanted and self._read_at_ms is None:
            _, _, warm_up_ms = self._switch.pressure_input
            self._read_at_ms = now_ms + warm_up_ms
        self._actions.transmit = self._calls.transmit(inputs)
        if self._calls.trial_failed:
            self._calls.trial_failed = False
            self._watch.sample(inputs)
            self._roll_back(inputs)

    def _roll_back(self, inputs: "Inputs") -> None:
        self._switch.roll_back(inputs.now_ms)
        self._calls.open(inputs)

    def _change_settings(self, inputs: "Inputs") -> None:
        self._watch.sample(inputs)  # what was counted until now is judged by what was in force
        if self._switch.apply(inputs.now_ms):
            self._calls.try_settings()

    def _take_clock_offer(self, now_ms: int) -> None:
        offer_ms = self._session.clock_offer_ms
        if offer_ms is None:
            return
        self._session.clock_offer_ms = None
        self._timetable.reached()
        if offer_ms > _LATEST_MS:
            return
        round_trip_ms = self._session.clock_round_trip_ms
        before_ms = self._timekeeper.calendar_ms(now_ms)
        outcome = self._timekeeper.offer(offer_ms, round_trip_ms, now_ms)
        self._session.time_wanted = self._timekeeper.wants_another
        if outcome == clock.STEPPED:
            self._recorder.flag(t.STATUS_CLOCK_STEPPED)
            step_ms = self._timekeeper.calendar_ms(now_ms) - before_ms
            self._notes.note(now_ms, t.EVENT_CLOCK_STEPPED, (step_ms + 500) // 1000)
        if outcome in (clock.STEPPED, clock.SET):
            self._timetable.align(self._timekeeper.calendar_ms(now_ms))

    def _plan(self, inputs: "Inputs") -> None:
        actions, read_at_ms = self._actions, self._read_at_ms
        wake_at_ms = self._timetable.wake_at_ms()
        actions.pressure_wanted = self._timetable.sample_due(wake_at_ms)
        actions.wake_at_ms = self._timekeeper.now_ms_at(wake_at_ms)
        if read_at_ms is not None and read_at_ms <= actions.wake_at_ms:
            actions.wake_at_ms = read_at_ms
            actions.pressure_wanted = True
        alarm_at_ms = self._watch.wake_at_ms(inputs.now_ms)
        if alarm_at_ms is not None and alarm_at_ms < actions.wake_at_ms:
            actions.wake_at_ms = alarm_at_ms
            actions.pressure_wanted = False
        actions.pulse_input = self._switch.pulse_input
        actions.pressure_input = self._switch.pressure_input
        self._calls.plan(inputs, actions)
