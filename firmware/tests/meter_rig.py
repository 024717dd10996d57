"""A meter on a flash with a fake session: what tests of its steps share."""

from weir.alarm_watch import AlarmWatch
from weir.assembly import RING_SECTOR, SETTINGS_SECTOR, open_flash
from weir.event_outbox import EventOutbox
from weir.link.dispatch import Dispatch
from weir.mailbox import Mailbox
from weir.meter import Meter
from weir.metrology.interval import Interval
from weir.metrology.registers import Registers
from weir.notes import Notes
from weir.recorder import Recorder
from weir.schedule.timekeeper import Timekeeper
from weir.schedule.timetable import Timetable
from weir.self_description import SelfDescription
from weir.settings import table_gen as g
from weir.settings.in_force import Settings
from weir.step import Inputs
from weir.store.checkpoint import CounterExhausted
from weir.store.journal import FIELD_COUNT, Journal
from weir.store.vault import Vault
from weir_tools.virtual.flash import FaultyFlash

NOON_MS = 1_614_600_000_000  # UTC; on the grid of every interval used here
MINUTE_MS = 60_000
RESET_CAUSE = 2


class FakeSession:
    """Says yes to everything; what it was told is in ``told``."""

    def __init__(self, journal: Journal) -> None:
        self.dispatch = Dispatch(journal, 232)
        self.active = self.heard = self.hold = False
        self.complete = False
        self.window_ms = self.timeout_ms = 0
        self.link_wake_at_ms: int | None = None
        self.clock_offer_ms: int | None = None
        self.clock_round_trip_ms = 0
        self.time_wanted = False
        self.outbox: list[bytes] = []
        self.told: list[object] = []
        self.is_exhausted = False

    def begin(self) -> None:
        self.told.append("begin")
        self.active = True
        self.heard = False
        self.outbox = [b"hello", b"records"]

    def resume(self) -> None:
        self.told.append("resume")

    def abort(self) -> None:
        self.told.append("abort")
        self.active = False

    def receive(self, chunk: bytes, *_times_ms: int) -> None:
        self.told.append(chunk)

    def transmit(self, *_times_ms: int) -> bytes:
        if self.active and self.is_exhausted:
            raise CounterExhausted
        return self.outbox.pop(0) if self.active and self.outbox else b""


class RigBoard:
    """What of a board a meter describes."""

    frame_size_max = 250

    def __init__(self) -> None:
        self.clock = self.power = self.link = self

    def now_ms(self) -> int:
        return 0

    def reset_cause(self) -> int:
        return RESET_CAUSE

    def battery_mv(self) -> int:
        return 3600

    def link_ms(self) -> int:
        return 0

    def sleep(self, *_until: object, **_wants: object) -> None:
        raise AssertionError("a step does not sleep")


class Rig:
    """A meter on a flash, with a fake session; making one is a boot.

    provisioned: settings by key, beside a send interval of 900 s.
    tells_events: False for a mailbox that the events do not go through.
    """

    def __init__(
        self,
        flash: "FaultyFlash | None" = None,
        now_ms: int = 0,
        provisioned: "dict[int, int] | None" = None,
        *,
        tells_events: bool = False,
    ) -> None:
        self.flash = flash or FaultyFlash(4096, RING_SECTOR + 4)
        registers = Registers()
        _, self.journal, events = open_flash(self.flash, lambda: 1, registers)
        assert events is not None
        self.events = events
        self.timekeeper = Timekeeper()
        settings = {g.K_SEND_INTERVAL_S: 900}
        settings.update(provisioned or {})
        self.settings = Settings(settings, Vault(self.flash, SETTINGS_SECTOR))
        self.session = FakeSession(self.journal)
        self.outbox = EventOutbox(events, 232) if tells_events else None
        self.errands = Mailbox(self.settings, self.outbox, 232)
        self.meter = self._assemble(registers)
        self.inputs = Inputs()
        self.inputs.now_ms = now_ms
        self.inputs.pressure_kpa = 400
        self.actions = self.meter.step(self.inputs)

    def _assemble(self, registers: Registers) -> Meter:
        interval = Interval(registers.forward_pulses)
        timekeeper, journal = self.timekeeper, self.journal
        timetable = Timetable(1)
        notes = Notes(self.events, timekeeper)
        value_of = self.settings.value
        watch = AlarmWatch(value_of, registers, interval, notes, self.outbox)
        self.describe = SelfDescription(
            RigBoard(), self.settings, timekeeper, journal, registers, interval, watch
        )
        return Meter(
            self.settings,
            timekeeper,
            timetable,
            Recorder(registers, interval, timekeeper, timetable, journal),
            watch,
            self.errands,
            self.session,
            self.describe,
        )

    def set_clock(self, utc_ms: int, link_ms: int = 0) -> None:
        """Let the session hear the time."""
        self.session.clock_offer_ms = utc_ms
        self.step(received=b"time", link_ms=link_ms)

    def step(self, *, received: bytes = b"", link_ms: int = 0, is_open: bool = False) -> None:
        self.inputs.received = received
        self.inputs.link_ms = link_ms
        self.inputs.link_is_open = is_open
        self.actions = self.meter.step(self.inputs)
        self.inputs.received = b""

    def sleep(self) -> None:
        """Sleep until the meter wants to wake, then step."""
        self.inputs.now_ms = self.actions.wake_at_ms
        self.step()

    def sleep_until_called(self) -> None:
        """Sleep until the meter wants its link."""
        while not self.actions.link_wanted:
            self.sleep()

    def run_until(self, now_ms: int, pulses_each_minute: int = 0) -> None:
        while self.actions.wake_at_ms <= now_ms:
            if self.actions.pressure_wanted:
                self.inputs.forward_pulses += pulses_each_minute
            self.sleep()
        self.inputs.now_ms = now_ms

    def records(self) -> "list[list[int]]":
        found = []
        for sequence in range(self.journal.sequence_oldest, self.journal.sequence_next):
            record = [0] * FIELD_COUNT
            assert self.journal.read_into(sequence, record)
            found.append(record)
        return found


def rig_at_noon() -> Rig:
    """Return a meter whose clock says noon at now_ms 0, freshly set."""
    rig = Rig()
    rig.set_clock(NOON_MS)
    return rig


def called(link_ms: int = 0) -> Rig:
    """Return a rig whose session is under way."""
    rig = Rig()
    rig.sleep_until_called()
    rig.step(is_open=True, link_ms=link_ms)
    return rig


def events_of(rig: Rig) -> "list[list[int]]":
    found = []
    for sequence in range(rig.events.sequence_oldest, rig.events.sequence_next):
        event = [0] * 7
        assert rig.events.read_into(sequence, event)
        found.append(event[:6])
    return found
