"""What goes wrong, and when: one coroutine for each kind of fault and each thing it befalls."""

import asyncio
import random
from collections.abc import Callable
from typing import Protocol

from weir_tools.virtual.broker import VirtualBroker
from weir_tools.virtual.courses import Course, Courses
from weir_tools.virtual.gateway import VirtualGateway
from weir_tools.virtual.meter import VirtualMeter
from weir_tools.virtual.scenario import DAY_S, HOUR_S, MINUTE_S, Fault, Scenario
from weir_tools.virtual.store import KillPoint
from weir_tools.virtual.weather import BAD_WEATHER, Weather

_FLASH_OPERATIONS_SPREAD = 4
_BROWN_OUTS_MAX = 8


class WallClock:
    """The gateway machine's clock: right, unless somebody sets it."""

    def __init__(self, starts_s: float, now_s: Callable[[], float]) -> None:
        self._starts_s = starts_s
        self._now_s = now_s
        self.off_s = 0.0

    def now_s(self) -> float:
        return self._starts_s + self._now_s() + self.off_s


class Copies(Protocol):
    """Makes copies of the gateway's database, and puts them back."""

    def make(self) -> None: ...

    def restore(self) -> None:
        """Put the last copy in the place of the database, which nobody uses."""


class Faults:
    """Runs the faults of a scenario until it is told to stop; then all is well again."""

    def __init__(
        self,
        scenario: Scenario,
        meters: list[VirtualMeter],
        gateway: VirtualGateway,
        broker: VirtualBroker,
        wall: WallClock,
        copies: Copies,
    ) -> None:
        self._scenario = scenario
        self._meters = meters
        self._gateway = gateway
        self._broker = broker
        self._wall = wall
        self._copies = copies
        self._running = Courses()

    def begin(self) -> None:
        for fault in sorted(self._scenario.faults):
            for number, course in enumerate(self._courses(fault)):
                self._running.begin(course(self._scenario.chance(f"{fault} {number}")))

    async def end(self) -> None:
        """Let everything that was taken away come back, and stay."""
        await self._running.end()
        for meter in self._meters:
            link = meter.site.link
            link.set_weather(Weather())
            link.reachable, link.silent = True, False
            meter.brown_outs = 0
            meter.site.flash.cut_at = -1
        self._broker.is_up, self._broker.denies = True, False
        self._broker.breaks_off = False
        self._wall.off_s = 0.0
        self._gateway.start()
        if (life := self._gateway.life) is not None:
            life.store.is_full = False
            life.store.kill_point = None

    def _courses(self, fault: Fault) -> list[Callable[[random.Random], Course]]:
        of_all: dict[Fault, list[Callable[[random.Random], Course]]] = {
            Fault.KILLS: [self._kills],
            Fault.BROKER: [self._broker_losses, self._broker_outages, self._refusals],
            Fault.CLOCKS: [self._wall_jumps],
            Fault.DISK: [self._full_disks],
            Fault.RESTORES: [self._restores],
        }
        of_each: dict[Fault, Callable[[VirtualMeter, random.Random], Course]] = {
            Fault.WEATHER: self._weather,
            Fault.OUTAGES: self._outages,
            Fault.POWER: self._cuts,
            Fault.CLOCKS: self._clock_jumps,
            Fault.WEAR: self._wear,
        }
        courses = of_all.get(fault, [])
        if fault in of_each:
            courses = courses + [_for(of_each[fault], meter) for meter in self._meters]
        return courses

    async def _weather(self, meter: VirtualMeter, chance: random.Random) -> None:
        while True:
            meter.site.link.set_weather(BAD_WEATHER)
            await asyncio.sleep(chance.expovariate(1 / (6 * HOUR_S)))
            meter.site.link.set_weather(Weather())
            await asyncio.sleep(chance.expovariate(1 / (2 * HOUR_S)))

    async def _outages(self, meter: VirtualMeter, chance: random.Random) -> None:
        link = meter.site.link
        while True:
            await asyncio.sleep(chance.expovariate(1 / DAY_S))
            if chance.random() < 0.3:
                link.silent = True
            else:
                link.reachable = False
                link.cut()
            span_s = chance.choice((10 * MINUTE_S, 10 * HOUR_S, 2 * DAY_S))
            await asyncio.sleep(span_s * chance.random())
            link.reachable, link.silent = True, False

    async def _cuts(self, meter: VirtualMeter, chance: random.Random) -> None:
        while True:
            await asyncio.sleep(chance.expovariate(1 / (6 * HOUR_S)))
            if chance.random() < 0.25:
                meter.brown_outs = chance.randrange(1, _BROWN_OUTS_MAX)
            if chance.random() < 0.3:
                meter.cut_power()
            else:
                meter.strike_flash(chance.randrange(_FLASH_OPERATIONS_SPREAD))

    async def _kills(self, chance: random.Random) -> None:
        gateway = self._gateway
        while True:
            await asyncio.sleep(chance.expovariate(1 / (2 * HOUR_S)))
            point = chance.choice((None, KillPoint.INSIDE_COMMIT, KillPoint.AFTER_COMMIT))
            if point is None or gateway.life is None:
                gateway.kill()
            else:
                gateway.life.store.kill_point = point

    async def _broker_losses(self, chance: random.Random) -> None:
        while True:
            await asyncio.sleep(chance.expovariate(1 / HOUR_S))
            if chance.random() < 0.8:
                self._broker.breaks_off = True
            else:
                self._broker.drop()

    async def _broker_outages(self, chance: random.Random) -> None:
        while True:
            await asyncio.sleep(chance.expovariate(1 / DAY_S))
            self._broker.fail()
            await asyncio.sleep(chance.choice((5 * MINUTE_S, 12 * HOUR_S)) * chance.random())
            self._broker.is_up = True

    async def _refusals(self, chance: random.Random) -> None:
        while True:
            await asyncio.sleep(chance.expovariate(1 / (12 * HOUR_S)))
            self._broker.denies = True
            await asyncio.sleep(chance.uniform(1, 10 * MINUTE_S))
            self._broker.denies = False

    async def _wall_jumps(self, chance: random.Random) -> None:
        while True:
            await asyncio.sleep(chance.expovariate(1 / DAY_S))
            self._wall.off_s = chance.uniform(-12, 12) * HOUR_S
            await asyncio.sleep(chance.uniform(0, 6) * HOUR_S)
            self._wall.off_s = 0.0

    async def _clock_jumps(self, meter: VirtualMeter, chance: random.Random) -> None:
        while True:
            await asyncio.sleep(chance.expovariate(1 / (2 * DAY_S)))
            meter.jump_clock(round(chance.choice((1000, 60_000, 7_200_000)) * chance.random()))

    async def _wear(self, meter: VirtualMeter, chance: random.Random) -> None:
        while True:
            await asyncio.sleep(chance.expovariate(1 / DAY_S))
            meter.wear()

    async def _restores(self, chance: random.Random) -> None:
        while True:
            await asyncio.sleep(chance.expovariate(1 / DAY_S))
            self._copies.make()
            await asyncio.sleep(chance.uniform(MINUTE_S, 4 * HOUR_S))
            self._gateway.kill()
            self._copies.restore()

    async def _full_disks(self, chance: random.Random) -> None:
        while True:
            await asyncio.sleep(chance.expovariate(1 / DAY_S))
            if (life := self._gateway.life) is not None:
                life.store.is_full = True
            await asyncio.sleep(chance.uniform(1, 2 * HOUR_S))
            if (life := self._gateway.life) is not None:
                life.store.is_full = False


def _for(
    course: Callable[[VirtualMeter, random.Random], Course], meter: VirtualMeter
) -> Callable[[random.Random], Course]:
    return lambda chance: course(meter, chance)
