"""A world: meters, links, a gateway and a broker on one seed, in virtual time.

Import it after `weir_tools.firmware_on_host.make_importable`.
"""

import asyncio
import logging
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from weir_gateway.clock import Clock
from weir_gateway.store import schema
from weir_tools.virtual import checks
from weir_tools.virtual.bounds import watch_memory
from weir_tools.virtual.broker import VirtualBroker
from weir_tools.virtual.consumers import Consumers
from weir_tools.virtual.copies import DatabaseCopies
from weir_tools.virtual.event_checks import EventTally
from weir_tools.virtual.faults import Faults, WallClock
from weir_tools.virtual.gateway import Surroundings, VirtualGateway
from weir_tools.virtual.ledger import Ledger, Violation
from weir_tools.virtual.loop import VirtualLoop
from weir_tools.virtual.meter import VirtualMeter
from weir_tools.virtual.operators import Operators
from weir_tools.virtual.scenario import DAY_S, MINUTE_S, Fault, Scenario
from weir_tools.virtual.times import check_times
from weir_tools.virtual.trace import Trace
from weir_tools.virtual.witness import Witness
from weir_tools.virtual.workshop import Workshop

STARTS_S = 1_790_000_000  # 2026-09-21
DRAIN_S_MAX = 5 * DAY_S
_DRAIN_LOOK_S = 5 * MINUTE_S
_RESTART_S_MAX = 300.0
_EVENTS_MAX = 20_000  # in any world, and for each meter and day beside; usual are 400
_EVENTS_A_DAY_MAX = 3000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one world. trace: the hash of all that happened.

    meter_events: what meters noted, and what became of it. changes: of settings, by their state.
    """

    scenario: Scenario
    readings_taken: int
    stored: int
    published: int
    repeats: int
    lost_named: int
    lost_unnamed: int
    duplicates: int
    pulses_vanished: int
    meter_events: EventTally
    events_published: int
    event_repeats: int
    changes: Mapping[str, int]
    reads_asked: int
    reads_answered: int
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


Make = Callable[[Workshop, int], VirtualMeter]
"""Makes a meter of a world, by its number."""


def run(scenario: Scenario) -> Outcome:
    """Let a world run its days with faults, then in peace until all has drained; and check it."""
    return play(scenario, World.live)


def play(
    scenario: Scenario, act: "Callable[[World], Awaitable[None]]", make: Make = Workshop.make
) -> Outcome:
    """Let a world live as ``act`` says, then in peace until all has drained; and check it."""
    with (
        tempfile.TemporaryDirectory(prefix="weir-virtual-") as folder,
        _quiet_gateway(),
        asyncio.Runner(loop_factory=VirtualLoop) as runner,
    ):
        return runner.run(_play(scenario, act, make, Path(folder)))


async def _play(
    scenario: Scenario, act: "Callable[[World], Awaitable[None]]", make: Make, folder: Path
) -> Outcome:
    world = World(scenario, folder, make)
    with closing(world.database):
        world.begin()
        await act(world)
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
    """Everything in it, made and run. make: makes each meter, by its number."""

    def __init__(self, scenario: Scenario, folder: Path, make: Make) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self._loop = loop
        self._scenario = scenario
        self.ledger = Ledger(began_s=STARTS_S)
        self._hopeless = asyncio.Event()
        self.ledger.on_hopeless = self._hopeless.set
        events_max = _EVENTS_MAX + round(_EVENTS_A_DAY_MAX * scenario.meters * scenario.days)
        self._trace = Trace(loop.instant, events_max, self._note_flood)
        self._broker = VirtualBroker(Consumers(self.ledger, self._trace))
        self._witness = Witness(self.ledger)
        self._wall = WallClock(STARTS_S, loop.instant.now_s)
        self._restart_chance = scenario.chance("restarts")
        loop.set_exception_handler(self._note_fault)
        database = folder / "weir.db"
        schema.prepare(database)
        self.database = sqlite3.connect(database, isolation_level=None)
        self.gateway = VirtualGateway(self._surroundings(folder, database), self._on_killed)
        workshop = Workshop(
            scenario, loop.instant, self.ledger, self._trace, self.gateway.accept, self.database
        )
        self.meters = [make(workshop, number) for number in range(scenario.meters)]
        _write_keys(folder / "keys", self.meters)
        self.ledger.clock_jumps = Fault.CLOCKS in scenario.faults
        copies = DatabaseCopies(self.database, folder / "copy.db", self.ledger)
        self._faults = Faults(
            scenario, self.meters, self.gateway, self._broker, self._wall, copies
        )
        self.operators = Operators(scenario, self.meters, self.gateway, self.ledger, loop.instant)
        self._running = set(self.meters)  # once it drains: not all in custody yet
        self._drained = asyncio.Event()
        self._drained_s = 0.0

    def begin(self) -> None:
        chance = self._scenario.chance("starts")
        self.gateway.start()
        for meter in self.meters:
            self._loop.call_later(chance.uniform(1, MINUTE_S), meter.switch_on)
        self._faults.begin()
        self.operators.begin()
        self._watch = self._loop.create_task(
            watch_memory(self.gateway, len(self.meters), self.ledger)
        )

    async def live(self) -> None:
        """Let the days pass, unless too much is broken already."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._scenario.days * DAY_S):
                await self._hopeless.wait()

    async def drain(self) -> None:
        """End the faults; stop each meter at a moment when all it took is in custody."""
        await self.operators.end()
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
        ledger, trace = self.ledger, self._trace
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
            meter_events=tally.meter_events,
            events_published=len(ledger.events.places),
            event_repeats=ledger.events.arrival_count - len(ledger.events.places),
            changes=dict(tally.changes),
            reads_asked=tally.reads_asked,
            reads_answered=tally.reads_answered,
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
            self.ledger,
            self._witness,
            self._trace,
            self._scenario.chance("gateway"),
        )

    def _on_killed(self) -> None:
        for meter in self.meters:
            meter.site.link.cut()
        wait_s = self._restart_chance.uniform(0.5, _RESTART_S_MAX)
        self._loop.call_later(wait_s, self.gateway.start)

    def _stop_if_settled(self, meter: VirtualMeter) -> None:
        if meter in self._running and checks.is_settled(self.ledger, self.database, meter):
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
        self.ledger.breach(0, None, f"{self._trace.event_count} events, and no end")
        self._hopeless.set()

    def _note_fault(self, _loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        fault = context.get("exception") or context.get("message")
        self.ledger.breach(0, None, f"a part of the world failed: {fault!r}")


def _write_keys(path: Path, meters: list[VirtualMeter]) -> None:
    path.touch(mode=0o600)
    path.write_text("".join(f"{m.meter_id} {m.site.keys.key.hex()}\n" for m in meters))
