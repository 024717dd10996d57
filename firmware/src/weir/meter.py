"""The meter: one synchronous step from inputs to actions. Objects come in; nothing is opened."""

from micropython import const
from weir.link import tables_gen as t
from weir.schedule import timekeeper as clock
from weir.store.checkpoint import CounterExhausted
from weir.store.slots import FlashWornOut

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from typing import Protocol

    from weir.metrology.interval import Interval
    from weir.metrology.registers import Registers
    from weir.schedule.timekeeper import Timekeeper
    from weir.schedule.timetable import Timetable
    from weir.store.journal import Journal

    class Session(Protocol):
        """What the meter asks of its session; see weir.link.session.DeviceSession."""

        active: bool
        link_wake_at_ms: "int | None"
        clock_offer_ms: "int | None"
        clock_round_trip_ms: int

        @property
        def complete(self) -> bool: ...
        def begin(self) -> None: ...
        def abort(self) -> None: ...
        def receive(self, chunk: bytes, link_ms: int, now_ms: int) -> None: ...
        def transmit(self, link_ms: int, now_ms: int) -> bytes: ...


_LATEST_MS = const(4_290_000_000_000)  # in 2105; records count seconds up to 2106
_LINK_PATIENCE_MS = const(30_000)  # of the link's time; then it counts as out of reach


class Inputs:
    """What one step is told. The caller keeps one and fills it anew.

    now_ms, link_ms: see weir.hal.clock.
    forward_pulses, reverse_pulses: counted since this boot, modulo 2**32.
    senses, illegal_transitions: see weir.hal.senses. battery_mv: 0 for not measured.
    pressure_kpa: measured only when ``Meter.pressure_due``; None when not, or at fault.
    received: what came over the link. link_is_open: whether bytes can be sent now.
    """

    def __init__(self) -> None:
        self.now_ms = 0
        self.link_ms = 0
        self.forward_pulses = 0
        self.reverse_pulses = 0
        self.senses = 0
        self.illegal_transitions = 0
        self.battery_mv = 0
        self.pressure_kpa: int | None = None
        self.received = b""
        self.link_is_open = False


class Actions:
    """What one step asks for. The meter keeps one; it holds until the next step.

    wake_at_ms: ``now_ms`` of the next step at the latest.
    pressure_wanted: pressure is measured in the step at ``wake_at_ms``.
    link_wake_at_ms: ``link_ms`` of the next step at the latest, None for no limit.
    link_wanted: the link shall be open, or be opened.
    transmit: bytes to send.
    """

    def __init__(self) -> None:
        self.wake_at_ms = 0
        self.pressure_wanted = False
        self.link_wake_at_ms: int | None = None
        self.link_wanted = False
        self.transmit = b""


class Meter:
    """Counts, samples, stores and calls its gateway, each when it is due.

    A step that comes late loses no pulse: what is overdue is done once, at its true time.
    """

    def __init__(
        self,
        registers: "Registers",
        interval: "Interval",
        timekeeper: "Timekeeper",
        timetable: "Timetable",
        journal: "Journal",
        events: "Journal | None",
        session: "Session",
        reset_cause: int,
    ) -> None:
        self._registers = registers
        self._interval = interval
        self._timekeeper = timekeeper
        self._timetable = timetable
        self._journal = journal
        self._events = events
        self._session = session
        self._reset_cause = reset_cause
        self._actions = Actions()
        self._record = [0] * 9
        self._event = [0] * 6
        self._started = False
        self._interval_began_ms = self._sampled_at_ms = 0
        self._calling = False  # the link shall open for a session
        self._call_ends_ms = 0  # link_ms

    def pressure_due(self, now_ms: int) -> bool:
        """Return whether a step at ``now_ms`` takes a sample."""
        return self._started and self._timetable.sample_due(self._timekeeper.calendar_ms(now_ms))

    def step(self, inputs: Inputs) -> Actions:
        """Do all that is due; return what to do until the next step. One object, used again."""
        now_ms = inputs.now_ms
        if not self._started:
            self._start(now_ms)
        if not self._registers.take(inputs.forward_pulses, inputs.reverse_pulses):
            self._interval.flag(t.STATUS_REGISTER_GAP)
        calendar_ms = self._timekeeper.calendar_ms(now_ms)
        if self._timetable.sample_due(calendar_ms):
            self._sample(now_ms, calendar_ms, inputs.pressure_kpa)
        self._communicate(inputs)
        self._plan()
        return self._actions

    def _start(self, now_ms: int) -> None:
        self._started = True
        self._interval_began_ms = self._sampled_at_ms = now_ms
        self._timekeeper.start(now_ms)
        self._timetable.start(0)
        self._interval.flag(t.STATUS_RESTARTED)
        if not self._is_first_start():
            self._interval.flag(t.STATUS_REGISTER_GAP)  # pulses since the last record, if any
        self._note(t.EVENT_RESTARTED, self._reset_cause, now_ms)

    def _is_first_start(self) -> bool:
        return self._events is not None and self._events.sequence_next == 0

    def _note(self, code: int, value: int, now_ms: int) -> None:
        """Store an event. Where its ring is worn out, readings go on without."""
        if self._events is None:
            return
        event = self._event
        event[0] = self._timekeeper.calendar_ms(now_ms) // 1000
        event[1] = self._timekeeper.quality(now_ms)
        event[2], event[3] = code, t.PHASE_NOTE
        event[4] = min(max(value, -0x80000000), 0x7FFFFFFF)
        event[5] = 0  # no limit
        try:
            self._events.append(event)
        except FlashWornOut:
            self._events = None

    def _sample(self, now_ms: int, calendar_ms: int, pressure_kpa: "int | None") -> None:
        span_ms = self._timetable.sample_interval_ms
        intervals = (now_ms - self._sampled_at_ms + span_ms // 2) // span_ms
        self._sampled_at_ms = now_ms
        self._interval.sample(self._registers.forward_pulses, pressure_kpa, max(intervals, 1))
        if self._timetable.store_due(calendar_ms):
            self._store(now_ms, calendar_ms)
            self._timetable.stored(calendar_ms)
        self._timetable.sampled(calendar_ms)

    def _store(self, now_ms: int, calendar_ms: int) -> None:
        interval = self._interval
        span_ms = self._timetable.store_interval_ms
        off_ms = abs(now_ms - self._interval_began_ms - span_ms)
        if off_ms > span_ms // 32:  # far more than any oscillator is off
            interval.flag(t.STATUS_SHORT_INTERVAL)
        low, high = interval.pressure_min_kpa, interval.pressure_max_kpa
        mean = interval.pressure_mean_kpa
        if mean is None or low is None or high is None:
            interval.flag(t.STATUS_PRESSURE_FAULT)
            mean = low = high = t.NO_PRESSURE_KPA
        record = self._record
        record[0] = calendar_ms // 1000
        record[1] = self._registers.forward_pulses
        record[2] = self._registers.reverse_pulses
        record[3], record[4], record[5] = mean, low, high
        record[6] = interval.peak_flow_pulses
        record[7] = interval.status
        record[8] = self._timekeeper.quality(now_ms)
        self._journal.append(record)
        self._interval_began_ms = now_ms
        interval.begin()

    def _communicate(self, inputs: Inputs) -> None:
        session = self._session
        was_active = session.active
        if inputs.received:
            session.receive(inputs.received, inputs.link_ms, inputs.now_ms)
            self._take_clock_offer(inputs.now_ms)
        if was_active and not inputs.link_is_open:
            session.abort()
        self._call(inputs)
        self._transmit(inputs)
        if was_active and not session.active:
            self._session_ended(inputs.now_ms)

    def _transmit(self, inputs: Inputs) -> None:
        session = self._session
        stream = b""
        try:
            while frame := session.transmit(inputs.link_ms, inputs.now_ms):  # a window at most
                stream += frame
        except CounterExhausted:  # WL-SEA-06: sends no more, and goes on recording
            session.abort()
        self._actions.transmit = stream

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
        if outcome == clock.STEPPED:
            self._interval.flag(t.STATUS_CLOCK_STEPPED)
            step_ms = self._timekeeper.calendar_ms(now_ms) - before_ms
            self._note(t.EVENT_CLOCK_STEPPED, (step_ms + 500) // 1000, now_ms)
        if outcome in (clock.STEPPED, clock.SET):
            self._timetable.align(self._timekeeper.calendar_ms(now_ms))

    def _call(self, inputs: Inputs) -> None:
        """Begin a session when it is time, there is a reason, and the link is open."""
        calendar_ms = self._timekeeper.calendar_ms(inputs.now_ms)
        if self._timetable.send_due(calendar_ms):
            self._timetable.sent(calendar_ms)
            if not (self._calling or self._session.active) and self._has_reason():
                self._calling = True
                self._call_ends_ms = inputs.link_ms + _LINK_PATIENCE_MS
        if not self._calling:
            return
        if inputs.link_is_open:
            self._calling = False
            self._session.begin()
        elif inputs.link_ms >= self._call_ends_ms:
            self._calling = False
            self._session_ended(inputs.now_ms)

    def _has_reason(self) -> bool:
        return not (self._timekeeper.is_set and self._session.complete)

    def _session_ended(self, now_ms: int) -> None:
        if not self._timekeeper.is_set:
            self._timetable.retry(self._timekeeper.calendar_ms(now_ms))

    def _plan(self) -> None:
        actions, session = self._actions, self._session
        wake_at_ms = self._timetable.wake_at_ms()
        actions.pressure_wanted = self._timetable.sample_due(wake_at_ms)
        actions.wake_at_ms = self._timekeeper.now_ms_at(wake_at_ms)
        actions.link_wanted = self._calling or session.active
        actions.link_wake_at_ms = None
        if self._calling:
            actions.link_wake_at_ms = self._call_ends_ms
        elif session.active:
            actions.link_wake_at_ms = session.link_wake_at_ms
