"""An alarm watch with registers, an interval and an event ring on flash, but no meter around."""

from weir.alarm_watch import AlarmWatch
from weir.assembly import RING_SECTOR, open_flash
from weir.event_outbox import EventOutbox
from weir.link import codec
from weir.link import tables_gen as t
from weir.metrology.interval import Interval
from weir.metrology.registers import Registers
from weir.notes import Notes
from weir.schedule.timekeeper import Timekeeper
from weir.settings.table import default_of
from weir.step import Inputs
from weir_tools.virtual.flash import FaultyFlash

NOON_MS = 1_614_600_000_000
MINUTE_MS = 60_000
BODY_SIZE_MAX = 64  # three events


class WatchRig:
    """``restart`` is a boot. The clock says noon at now_ms 0."""

    def __init__(self, *, ring_works: bool = True) -> None:
        self.flash = FaultyFlash(4096, RING_SECTOR + 2)
        self.settings: dict[int, int] = {}
        self.ring_works = ring_works
        self.restart()

    def restart(self) -> None:
        """Begin with what flash has kept."""
        self.registers = Registers()
        _, _, events = open_flash(self.flash, lambda: 1, self.registers)
        assert events is not None
        self.events = events
        self.interval = Interval(0)
        timekeeper = Timekeeper()
        timekeeper.start(0)
        timekeeper.offer(NOON_MS, 0, 0)
        self.notes = Notes(events if self.ring_works else None, timekeeper)
        self.outbox = EventOutbox(events, BODY_SIZE_MAX)
        self.watch = AlarmWatch(
            self.value_of, self.registers, self.interval, self.notes, self.outbox
        )
        self.inputs = Inputs()
        self.inputs.pressure_kpa = 400
        self.inputs.battery_mv = 3600
        self.watch.start(0)

    def value_of(self, key: int) -> int:
        value = self.settings.get(key)
        return default_of(key) if value is None else value

    def step(self, senses: int, after_ms: int = 0) -> None:
        self.inputs.now_ms += after_ms
        self.inputs.senses = senses
        self.watch.step(self.inputs)

    def sample(self, reverse: int = 0) -> None:
        self.inputs.now_ms += MINUTE_MS
        self.registers.reverse_pulses += reverse
        self.watch.sample(self.inputs)

    def take_call(self, *, is_free: bool = False) -> bool:
        return self.watch.take_call(self.inputs.now_ms, is_free=is_free)

    def wake_at_ms(self) -> "int | None":
        return self.watch.wake_at_ms(self.inputs.now_ms)

    def deliver(self) -> "list[tuple[int, ...]]":
        """Let the gateway take one EVENTS frame; return its events."""
        body = self.outbox.next_body(0)
        if body is None:
            return []
        self.outbox.delivered()
        return items_of(body)

    def noted(self) -> "list[list[int]]":
        """Return all that the ring holds: time, quality, code, phase, value, limit."""
        found = []
        for sequence in range(self.events.sequence_oldest, self.events.sequence_next):
            event = [0] * 7
            assert self.events.read_into(sequence, event)
            found.append(event[:6])
        return found


def items_of(body: bytes) -> "list[tuple[int, ...]]":
    unpacked = codec.unpack_body(t.TYPE_EVENTS, body)
    assert unpacked is not None
    return unpacked[1]
