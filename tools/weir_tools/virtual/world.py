"""A world: meters, links, a gateway and a broker on one seed, in virtual time.

Import it after `weir_tools.firmware_on_host.make_importable`.
"""

import asyncio
import logging
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from weir.assembly import RING_SECTOR
from weir_gateway.clock import Clock
from weir_gateway.store import schema
from weir_tools.virtual import checks
from weir_tools.virtual.board import Identity, Site
from weir_tools.virtual.bounds import watch_memory
from weir_tools.virtual.broker import VirtualBroker
from weir_tools.virtual.copies import DatabaseCopies
from weir_tools.virtual.faults import Faults, WallClock
from weir_tools.virtual.flash import FaultyFlash
from weir_tools.virtual.gateway import Surroundings, VirtualGateway
from weir_tools.virtual.ledger import Ledger, Violation
from weir_tools.virtual.link import VirtualLink
from weir_tools.virtual.listener import Listener
from weir_tools.virtual.loop import VirtualLoop
from weir_tools.virtual.meter import VirtualMeter
from weir_tools.virtual.ring_cuts import age_flash
from weir_tools.virtual.scenario import DAY_S, MINUTE_S, Fault, Scenario, equipment
from weir_tools.virtual.times import check_times
from weir_tools.virtual.trace import Trace
from weir_tools.virtual.water import Water
from weir_tools.virtual.witness import Witness

STARTS_S = 1_790_000_000  # 2026-09-21
DRAIN_S_MAX = 2 * DAY_S
_DRAIN_LOOK_S = 5 * MINUTE_S
_RESTART_S_MAX = 300.0
_FIRST_METER_ID = 1001
_EVENTS_MAX = 20_000  # in any world, and for each meter and day beside; usual are 400
_EVENTS_A_DAY_MAX = 3000
_AGED = (1 << 32) - 1  # registers and sequences of an old meter are a little below it


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one world. trace: the hash of all that happened."""

    scenario: Scenario
    readings_taken: int
    stored: int
    published: int
    repeats: int
    lost_named: int
    lost_unnamed: int
    duplicates: int
    pulses_vanished: int
    power_cuts: int
    kills: int
    frames: int
    backfills: int
    commits: int
    events: int
    steps: int
    drain_s: float
    trace: str
    violations: tuple[Violation, ...]
    excerpts: dict[int, list[str]]


def run(scenario: Scenario) -> Outcome:
    """Let a world run its days with faults, then in peace until all has drained; and check it."""
    with (
        tempfile.TemporaryDirectory(prefix="weir-virtual-") as folder,
        _quiet_gateway(),
        asyncio.Runner(loop_factory=VirtualLoop) as runner,
    ):
        return runner.run(_run(scenario, Path(folder)))


async def _run(scenario: Scenario, folder: Path) -> Outcome:
    world = World(scenario, folder)
    with closing(world.database):
        world.begin()
        await world.live()
        await world.drain()
        return world.outcome()


@contextmanager
def _quiet_gateway() -> Iterator[None]:
    """The gateway's log tells an operator of trouble; here trouble is what is wanted."""
    log = logging.getLogger("weir_gateway")
    level, log.level = log.level, logging.CRITICAL + 1
    try:
        yield
    finally:
        log.setLevel(level)


class World:
    """Everything in it, made and run."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self._loop = loop
        self._scenario = scenario
        self._ledger = Ledger(began_s=STARTS_S)
        self._hopeless = asyncio.Event()
        self._ledger.on_hopeless = self._hopeless.set
        events_max = _EVENTS_MAX + round(_EVENTS_A_DAY_MAX * scenario.meters * scenario.days)
        self._trace = Trace(loop.instant, events_max, self._note_flood)
        self._broker = VirtualBroker(self._ledger, self._trace)
        self._witness = Witness(self._ledger)
        self._wall = WallClock(STARTS_S, loop.instant.now_s)
        self._restart_chance = scenario.chance("restarts")
        loop.set_exception_handler(self._note_fault)
        database = folder / "weir.db"
        schema.prepare(database)
        self.database = sqlite3.connect(database, isolation_level=None)
        self.gateway = VirtualGateway(self._surroundings(folder, database), self._on_killed)
        self.meters = [self._make_meter(number) for number in range(scenario.meters)]
        _write_keys(folder / "keys", self.meters)
        self._ledger.clock_jumps = Fault.CLOCKS in scenario.faults
        copies = DatabaseCopies(self.database, folder / "copy.db", self._ledger)
        self._faults = Faults(
            scenario, self.meters, self.gateway, self._broker, self._wall, copies
        )
        self._running = set(self.meters)  # once it drains: not all in custody yet
        self._drained = asyncio.Event()
        self._drained_s = 0.0

    def begin(self) -> None:
        chance = self._scenario.chance("starts")
        self.gateway.start()
        for meter in self.meters:
            self._loop.call_later(chance.uniform(1, MINUTE_S), meter.switch_on)
        self._faults.begin()
        self._watch = self._loop.create_task(
            watch_memory(self.gateway, len(self.meters), self._ledger)
        )

    async def live(self) -> None:
        """Let the days pass, unless too much is broken already."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._scenario.days * DAY_S):
                await self._hopeless.wait()

    async def drain(self) -> None:
        """End the faults; stop each meter at a moment when all it took is in custody."""
        await self._faults.end()
        began_s = self._loop.time()
        for meter in self.meters:
            meter.on_rest = self._stop_if_settled
        self._look()
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S_MAX):
                await self._drained.wait()
        self._drained_s = self._loop.time() - began_s
        self._watch.cancel()
        for meter in self.meters:
            meter.switch_off()
        self.gateway.stop_counting()

    def outcome(self) -> Outcome:
        ledger, trace = self._ledger, self._trace
        tally = checks.check_all(
            ledger, self.database, self.meters, self.gateway, trace.counts["up"]
        )
        for meter in self.meters:
            check_times(ledger, meter.book)
        violations = tuple(ledger.violations)
        return Outcome(
            scenario=self._scenario,
            readings_taken=tally.taken,
            stored=tally.stored,
            published=len(ledger.arrivals),
            repeats=ledger.arrival_count - len(ledger.arrivals),
            lost_named=tally.lost_named,
            lost_unnamed=tally.lost_unnamed,
            duplicates=ledger.duplicates,
            pulses_vanished=tally.pulses_vanished,
            power_cuts=sum(meter.cut_count for meter in self.meters),
            kills=self.gateway.kill_count,
            frames=trace.counts["up"] + trace.counts["down"],
            backfills=ledger.backfills,
            commits=self._witness.commit_count,
            events=trace.event_count,
            steps=sum(meter.step_count for meter in self.meters),
            drain_s=self._drained_s,
            trace=trace.digest(),
            violations=violations,
            excerpts={one.meter_id: trace.excerpt(one.meter_id) for one in violations},
        )

    def _surroundings(self, folder: Path, database: Path) -> Surroundings:
        return Surroundings(
            database,
            folder / "keys",
            Clock(machine_s=self._wall.now_s),
            self._broker,
            self._ledger,
            self._witness,
            self._trace,
            self._scenario.chance("gateway"),
        )

    def _make_meter(self, number: int) -> VirtualMeter:
        meter_id = _FIRST_METER_ID + number
        chance = self._scenario.chance(f"meter {number}")
        book = self._ledger.book(meter_id)
        made = equipment(chance)
        book.sample_interval_s = made.sample_interval_s
        keys = Identity(
            meter_id,
            chance.randbytes(16),
            made.sample_interval_s,
            made.store_interval_s,
            made.send_interval_s,
        )
        flash = FaultyFlash(made.sector_size, RING_SECTOR + made.ring_sectors, made.program_size)
        if made.is_old:
            book.registers = (_AGED - chance.randrange(9000), _AGED - chance.randrange(90))
            sequence = _AGED - chance.randrange(300)
            age_flash(flash, chance.getrandbits(32), sequence, book.registers)
        site = Site(
            keys,
            flash,
            VirtualLink(
                meter_id,
                self._scenario.chance(f"link {number}"),
                self._trace,
                self.gateway.accept,
                Listener(self._ledger, self.database, book, keys.key),
                made.frame_size_max,
            ),
            Water(self._scenario.chance(f"water {number}")),
            chance,
            made.drift_ppm,
        )
        return VirtualMeter(
            self._loop.instant, site, book, self._trace, chance, self._ledger.breach
        )

    def _on_killed(self) -> None:
        for meter in self.meters:
            meter.site.link.cut()
        wait_s = self._restart_chance.uniform(0.5, _RESTART_S_MAX)
        self._loop.call_later(wait_s, self.gateway.start)

    def _stop_if_settled(self, meter: VirtualMeter) -> None:
        if meter in self._running and checks.is_settled(self._ledger, self.database, meter.book):
            self._running.discard(meter)
            meter.switch_off()

    def _look(self) -> None:
        """See from time to time whether all has drained."""
        if self._hopeless.is_set():
            self._drained.set()
        elif self._running or checks.untold_count(self.database):
            self._loop.call_later(_DRAIN_LOOK_S, self._look)
        else:
            self._drained.set()

    def _note_flood(self) -> None:
        self._ledger.breach(0, None, f"{self._trace.event_count} events, and no end")
        self._hopeless.set()

    def _note_fault(self, _loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        fault = context.get("exception") or context.get("message")
        self._ledger.breach(0, None, f"a part of the world failed: {fault!r}")


def _write_keys(path: Path, meters: list[VirtualMeter]) -> None:
    path.touch(mode=0o600)
    path.write_text("".join(f"{m.meter_id} {m.site.keys.key.hex()}\n" for m in meters))
