"""When the meter talks to its gateway, and whether its settings let it."""

from micropython import const
from weir.settings import table_gen as g
from weir.store.checkpoint import CounterExhausted

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from typing import Protocol

    from weir.alarm_watch import AlarmWatch
    from weir.link.dispatch import Dispatch
    from weir.mailbox import Mailbox
    from weir.schedule.timekeeper import Timekeeper
    from weir.schedule.timetable import Timetable
    from weir.settings.in_force import Settings
    from weir.step import Actions, Inputs

    class Session(Protocol):
        """What the meter asks of its session; see weir.link.session.DeviceSession."""

        dispatch: Dispatch
        active: bool
        heard: bool
        hold: bool
        window_ms: int
        timeout_ms: int
        link_wake_at_ms: "int | None"
        clock_offer_ms: "int | None"
        clock_round_trip_ms: int
        time_wanted: bool

        @property
        def complete(self) -> bool: ...
        def begin(self) -> None: ...
        def resume(self) -> None: ...
        def abort(self) -> None: ...
        def receive(self, chunk: bytes, link_ms: int, now_ms: int) -> None: ...
        def transmit(self, link_ms: int, now_ms: int) -> bytes: ...


_HELD_RETRY_MS = const(600_000)  # a meter on mains power may try often
# Between the calls of a trial: a gateway that restarts is back, and no meter is cut off for long.
_TRIAL_PAUSE_MS = const(900_000)


class Calls:
    """Calls: the link is opened for a session, the session goes on, and ends.

    trial_failed: the last call that the settings on trial had has failed.
    """

    def __init__(
        self,
        session: "Session",
        settings: "Settings",
        errands: "Mailbox",
        timekeeper: "Timekeeper",
        timetable: "Timetable",
        watch: "AlarmWatch",
    ) -> None:
        self.trial_failed = False
        self._session = session
        self._settings = settings
        self._errands = errands
        self._timekeeper = timekeeper
        self._timetable = timetable
        self._watch = watch
        self._waiting = False  # for the link to open
        self._waits_until_ms = 0  # link_ms
        self._under_way = False  # a session is
        self._again = False  # another call follows at once
        self._is_mute = False  # the frame counters are used up
        self._version = 0  # of the settings that the call is made with
        self._pause_ends_ms: int | None = None  # calendar; no call of a trial counts before
        self._port = self._baud = 0

    def open(self, inputs: "Inputs") -> None:
        """Call now. A session that listens goes on with what has come up meanwhile.

        A meter that cannot send any more leaves its link closed.
        """
        if self._under_way:
            self._session.resume()
        elif not self._waiting and not self._is_mute:
            settings = self._settings
            self._waiting = True
            self._waits_until_ms = inputs.link_ms + settings.value(g.K_LINK_PATIENCE_S) * 1000
            self._version = settings.version
            self._port = settings.value(g.K_LINK_PORT)
            self._baud = settings.value(g.K_LINK_BAUD)
            self._count(inputs)

    def try_settings(self) -> None:
        """Try settings that have just come into force: in a session of their own, soon."""
        self._session.hold = False
        self._again = True
        self._pause_ends_ms = None

    def receive(self, inputs: "Inputs") -> None:
        """Take what came over the link; a session whose link is gone is over."""
        session = self._session
        if inputs.received:
            session.receive(inputs.received, inputs.link_ms, inputs.now_ms)
        if self._tries_settings and self._under_way and session.heard:
            self._settings.confirm()
        if self._under_way and not inputs.link_is_open:
            session.abort()

    def transmit(self, inputs: "Inputs") -> bytes:
        """Call when it is time; return what is to be sent."""
        self._call_when_due(inputs)
        self._begin(inputs)
        stream = b""
        try:
            while frame := self._session.transmit(inputs.link_ms, inputs.now_ms):  # a window
                stream += frame
        except CounterExhausted:  # WL-SEA-06: sends no more, and goes on recording
            self._is_mute = True
            self._session.abort()
        if self._under_way and not self._session.active:
            self._end(inputs, heard=self._session.heard)
        return stream

    def plan(self, inputs: "Inputs", actions: "Actions") -> None:
        """Say what the link shall do."""
        actions.link_wanted = self._waiting or self._under_way
        actions.link_port, actions.link_baud = self._port, self._baud
        actions.link_wake_at_ms = None
        if self._waiting:  # an open link wakes nobody
            ready = inputs.link_is_open
            actions.link_wake_at_ms = inputs.link_ms if ready else self._waits_until_ms
        elif self._under_way:
            actions.link_wake_at_ms = self._session.link_wake_at_ms

    @property
    def _tries_settings(self) -> bool:
        """Whether the call is made with the settings that are on trial."""
        return self._settings.on_trial and self._version == self._settings.version

    def _call_when_due(self, inputs: "Inputs") -> None:
        calendar_ms = self._timekeeper.calendar_ms(inputs.now_ms)
        if self._timetable.send_due(calendar_ms):
            self._timetable.sent(calendar_ms)
            if self._has_reason():
                self.open(inputs)
        if self._watch.take_call(inputs.now_ms, is_free=self._waiting or self._under_way):
            self.open(inputs)

    def _has_reason(self) -> bool:
        settings = self._settings
        if settings.on_trial or settings.value(g.K_LINK_HOLD):
            return True
        return not (self._timekeeper.is_set and self._session.complete)

    def _begin(self, inputs: "Inputs") -> None:
        """Begin the session once the link is open, or give the call up."""
        if not self._waiting:
            return
        if inputs.link_is_open:
            self._waiting = False
            self._begin_session()
        elif inputs.link_ms >= self._waits_until_ms:
            self._waiting = False
            self._end(inputs, heard=False)

    def _begin_session(self) -> None:
        session, settings = self._session, self._settings
        session.timeout_ms = settings.value(g.K_ANSWER_TIMEOUT_MS)
        session.window_ms = settings.value(g.K_RECEIVE_WINDOW_S) * 1000
        session.hold = bool(settings.value(g.K_LINK_HOLD))
        if self._tries_settings and not self._errands.pending:
            self._errands.tell_applied()  # so that there is something to be answered
        self._under_way = True
        session.begin()

    def _end(self, inputs: "Inputs", *, heard: bool) -> None:
        self._under_way = False
        calendar_ms = self._timekeeper.calendar_ms(inputs.now_ms)
        if self._tries_settings and not heard:
            self._go_on_trying(calendar_ms)
        if heard and self._watch.untold:
            self._watch.owe_call()
        if self._again:
            self._again = False
            self.open(inputs)
        elif self._settings.value(g.K_LINK_HOLD):
            self._timetable.retry(calendar_ms, _HELD_RETRY_MS)
        elif self._cannot_wait(heard=heard):
            self._timetable.retry(calendar_ms)

    def _count(self, inputs: "Inputs") -> None:
        """Count a call of a trial before it is made, unless it follows soon on one that failed."""
        calendar_ms = self._timekeeper.calendar_ms(inputs.now_ms)
        if self._pause_ends_ms is not None and calendar_ms < self._pause_ends_ms:
            return
        self._pause_ends_ms = None
        if self._settings.on_trial:
            self._settings.begin_trial_call()

    def _go_on_trying(self, calendar_ms: int) -> None:
        """Give the settings on trial another call that counts, or give them up (WL-SET-11)."""
        self.trial_failed = self._settings.trial_is_lost
        if self._pause_ends_ms is None:
            self._pause_ends_ms = calendar_ms + _TRIAL_PAUSE_MS
        self._timetable.call_by(self._pause_ends_ms)

    def _cannot_wait(self, *, heard: bool) -> bool:
        """Return whether the next call must come before the next send time."""
        return not self._timekeeper.is_set or (self._watch.untold and not heard)
