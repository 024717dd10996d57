"""The whole firmware on a board of fakes: its flash outlasts it, its power goes at any moment."""

import random

from weir.assembly import RING_SECTOR, assemble
from weir.ports.aes_on_host import HostAes
from weir.settings.in_force import Settings
from weir.store.journal import Journal
from weir.wake_cycle import WakeCycle
from weir_tools.virtual.flash import CUT_MODES, FaultyFlash, PowerCut

_SECTOR_SIZE = 512
_RING_SECTORS = 4


class Provisioned:
    """What the meter was given before its first start. settings: values by key."""

    def __init__(self, meter_id: int, key: bytes, settings: dict[int, int]) -> None:
        self.meter_id = meter_id
        self.key = key
        self.settings = settings


class MemoryLink:
    """A byte stream in memory. It opens at once, if the meter goes to a port in ``ports``.

    ports: may be changed at any time. session_count: how often the link was closed by the meter.
    sent, arrived: what goes up, and what is to be read by the meter.
    """

    frame_size_max = 250

    def __init__(self, ports: frozenset[int]) -> None:
        self.ports = ports
        self.session_count = 0
        self._port = 0
        self._open = False
        self.sent = b""
        self.arrived = b""

    def configure(self, port: int, _baud: int) -> None:
        if port != self._port:
            self.hang_up()
        self._port = port

    def hang_up(self) -> None:
        self._open = False
        self.sent = self.arrived = b""

    def is_open(self) -> bool:
        return self._open

    def drive(self, _link_ms: int, *, wanted: bool) -> int | None:
        if not wanted:
            self.session_count += self._open
            self.hang_up()
        elif self._port in self.ports:
            self._open = True
        return None

    def receive(self) -> bytes:
        chunk, self.arrived = self.arrived[:256], self.arrived[256:]
        return chunk

    def transmit(self, stream: bytes) -> None:
        self.sent += stream


class Board:
    """Everything but flash, link and identity of one boot in one object."""

    aes = HostAes

    def __init__(
        self, keys: Provisioned, flash: FaultyFlash, link: MemoryLink, epoch: int
    ) -> None:
        self.keys, self.flash, self.link = keys, flash, link
        self.clock = self.power = self.pulses = self.analog = self.senses = self
        self._epoch = epoch
        self.time_ms = 0
        self.wake_at_ms = 0
        self.pressure_wanted = False

    def draw_u32(self) -> int:
        return self._epoch

    def now_ms(self) -> int:
        return self.time_ms

    def link_ms(self) -> int:
        return self.time_ms

    def count_as(self, mode: int, debounce_close_ms: int, debounce_open_ms: int) -> None:
        """Pulses come counted already, forward and reverse apart."""

    def measure_with(self, sensor: int, range_kpa: int, warm_up_ms: int) -> None:
        """Pressure comes in kPa."""

    def forward_pulses(self) -> int:
        return self.time_ms // 60_000

    def reverse_pulses(self) -> int:
        return 0

    def sensed(self) -> int:
        return 0

    def illegal_transitions(self) -> int:
        return 0

    def pressure_kpa(self) -> int | None:
        return 350

    def battery_mv(self) -> int:
        return 3600

    def reset_cause(self) -> int:
        return 1

    def sleep(
        self, wake_at_ms: int, link_wake_at_ms: int | None, *, pressure_wanted: bool
    ) -> None:
        self.pressure_wanted = pressure_wanted
        times = (wake_at_ms, link_wake_at_ms)
        self.wake_at_ms = min(time_ms for time_ms in times if time_ms is not None)


class MortalMeter:
    """Steps its firmware when told to, and boots again whenever its power was cut."""

    def __init__(
        self, keys: Provisioned, epoch: int, chance: random.Random, ports: frozenset[int]
    ) -> None:
        self.link = MemoryLink(ports)
        self.cut_count = 0
        self._keys = keys
        self._epoch = epoch
        self._chance = chance
        self._flash = FaultyFlash(_SECTOR_SIZE, RING_SECTOR + _RING_SECTORS)
        self._board = Board(keys, self._flash, self.link, epoch)
        self._cycle: WakeCycle | None = None
        self.settings: Settings
        self.events: Journal
        self.boot()

    @property
    def meter_id(self) -> int:
        return self._keys.meter_id

    def cut_power(self) -> None:
        """Take the power away between two steps, and give it back."""
        self._cycle = None
        self.boot()

    def strike_flash(self, operations: int) -> None:
        """Take the power away inside a flash operation, after so many whole ones."""
        self._flash.cut_at = self._flash.operation_count + operations
        self._flash.cut_mode = self._chance.choice(CUT_MODES)

    def spare_flash(self) -> None:
        """Take a strike back that has hit nothing yet."""
        self._flash.cut_at = -1

    def boot(self) -> None:
        while self._cycle is None:
            self.cut_count += 1
            self.link.hang_up()
            self._board = Board(self._keys, self._flash, self.link, self._epoch)
            try:
                self._cycle = assemble(self._board)
                self._know_the_insides(self._cycle)
            except PowerCut:
                self._flash.cut_at = -1

    def _know_the_insides(self, cycle: WakeCycle) -> None:
        meter = cycle._meter
        self.settings = meter._settings
        events = meter._notes.events
        assert events is not None
        self.events = events

    def turn(self) -> int:
        """Do one step; return after how many milliseconds the next is due."""
        assert self._cycle is not None
        board, was_open = self._board, self.link.is_open()
        try:
            self._cycle.turn()
        except PowerCut:
            self._flash.cut_at = -1
            self.cut_power()
            return 0
        if self.link.is_open() != was_open:
            return 0
        return max(0, board.wake_at_ms - board.time_ms)

    def let_pass(self, span_ms: int) -> None:
        self._board.time_ms += span_ms

    @property
    def overrides(self) -> dict[int, int]:
        """What differs from as provisioned, by key."""
        return dict(self.settings._overrides)

    @property
    def on_trial(self) -> bool:
        return self.settings.on_trial
