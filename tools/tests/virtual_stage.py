"""A world of one meter in which a test says what happens, and when."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

from weir_gateway.store.settings import rows, versions
from weir_gateway.store.settings.rows import StoredVersion
from weir_gateway.store.settings.versions import NewVersion
from weir_protocol.settings import BY_NAME
from weir_tools.virtual.scenario import DAY_S, HOUR_S, Equipment, Scenario
from weir_tools.virtual.store import VirtualStore
from weir_tools.virtual.water import Water
from weir_tools.virtual.world import Outcome, World, play

EQUIPMENT = Equipment(
    sample_interval_s=300,
    store_interval_s=900,
    send_interval_s=4 * HOUR_S,
    sector_size=4096,
    ring_sectors=8,
    program_size=4,
    drift_ppm=20,
    is_old=False,
    frame_size_max=250,
)


class Tap(Water):
    """Water that flows as the test says; one pulse is a litre."""

    def __init__(self) -> None:
        self._begun_us = self._passed_us_l_per_h = 0
        self._l_per_h = 0

    def flow(self, now_us: int, l_per_h: int) -> None:
        """Let so much flow from now on."""
        self._passed_us_l_per_h += (now_us - self._begun_us) * self._l_per_h
        self._begun_us, self._l_per_h = now_us, l_per_h

    def totals(self, now_us: int) -> tuple[int, int]:
        passed = self._passed_us_l_per_h + (now_us - self._begun_us) * self._l_per_h
        return passed // (3600 * 1_000_000), 0

    def pressure_kpa(self) -> int:
        return 400


class Stage:
    """What a test may do in the world, and what it sees of it."""

    def __init__(self, world: World, tap: Tap) -> None:
        (self.meter,) = world.meters
        self.gateway = world.gateway
        self.ledger = world.ledger
        self.link = self.meter.site.link
        self.senses = self.meter.site.senses
        self._database = world.database
        self._tap = tap
        self._loop = asyncio.get_running_loop()

    @property
    def now_s(self) -> float:
        """UTC."""
        return self.ledger.began_s + self._loop.time()

    def flow(self, l_per_h: int) -> None:
        self._tap.flow(round(self._loop.time() * 1_000_000), l_per_h)

    async def change(self, **overrides: int) -> str:
        """Ask for a change of settings; return the request's id."""
        life = self.gateway.life
        assert life is not None
        request_id = f"change {life.clock.now_ms()}"
        new = NewVersion(overrides, overrides, "test", request_id)
        committed = life.store.commit(versions.make, self.meter.meter_id, new, life.clock.now_ms())
        await asyncio.wait([committed], timeout=10)  # the gateway may be killed meanwhile
        life.note_change(self.meter.meter_id)
        return request_id

    def made(self, request_id: str) -> StoredVersion | None:
        """Return a change as the gateway has it."""
        return rows.newest_version(
            self._database, self.meter.meter_id, "request_id = ?", request_id
        )

    def version(self, request_id: str) -> int:
        made = self.made(request_id)
        assert made is not None
        return made.version

    @property
    def store(self) -> VirtualStore:
        """Of the gateway that is running."""
        life = self.gateway.life
        assert life is not None
        return life.store

    def state(self, request_id: str) -> str | None:
        made = self.made(request_id)
        return None if made is None else made.state

    def value(self, name: str) -> int:
        """Return what is in force on the meter."""
        value: int = self.meter.settings.value(BY_NAME[name].key)
        return value

    def told(self, code: int) -> Iterator[tuple[object, ...]]:
        """Return phase, value, limit and time of each event of a code that consumers saw."""
        for _, seen_code, phase, value, limit, measured_at, _ in self.ledger.events.shown.values():
            if seen_code == code:
                yield phase, value, limit, measured_at

    async def until(self, condition: Callable[[], bool], *, step_s: float = 30) -> None:
        """Let time pass until something holds, a step more or less; two days at most."""
        began_s = self.now_s
        while not condition():
            assert self.now_s < began_s + 2 * DAY_S
            await self._let_pass(step_s)

    async def _let_pass(self, span_s: float) -> None:
        await asyncio.sleep(span_s)


def on_stage(act: Callable[[Stage], Awaitable[None]], made: Equipment = EQUIPMENT) -> Outcome:
    """Play it, let all drain, and see that no promise is broken."""
    tap = Tap()

    async def acted(world: World) -> None:
        await act(Stage(world, tap))

    scenario = Scenario(1, meters=1, faults=frozenset(), doings=frozenset())
    outcome = play(scenario, acted, lambda shop, number: shop.make(number, made, tap))
    assert [violation.what for violation in outcome.violations] == []
    return outcome
