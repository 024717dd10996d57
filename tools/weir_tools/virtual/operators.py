"""What people do: they change settings, ask for readings, and stand at a meter."""

import asyncio
import random
from contextlib import suppress

from weir_gateway.errors import GatewayError
from weir_gateway.store.settings import versions
from weir_gateway.store.settings.versions import NewVersion
from weir_tools.simulator.senses import Sense, Senses
from weir_tools.virtual.changes import draw_change
from weir_tools.virtual.courses import Courses
from weir_tools.virtual.gateway import VirtualGateway
from weir_tools.virtual.ledger import Ledger
from weir_tools.virtual.loop import VirtualTime
from weir_tools.virtual.meter import VirtualMeter
from weir_tools.virtual.scenario import DAY_S, HOUR_S, MINUTE_S, Doing, Scenario

_PATIENCE_S = 60.0  # for an answer of the gateway, which may be gone
_LOW_BATTERY_MV = 3150
_TAMPERS = (Sense.COVER, Sense.COVER, Sense.MAGNET, Sense.LOOP_OPEN)


class Operators:
    """Does what a scenario says until it is told to stop. What was asked for may still wait."""

    def __init__(
        self,
        scenario: Scenario,
        meters: list[VirtualMeter],
        gateway: VirtualGateway,
        ledger: Ledger,
        instant: VirtualTime,
    ) -> None:
        self._scenario = scenario
        self._meters = meters
        self._gateway = gateway
        self._ledger = ledger
        self._instant = instant
        self._courses = Courses()

    def begin(self) -> None:
        of_each = {
            Doing.SETTINGS: self._change_settings,
            Doing.READS: self._ask,
            Doing.SENSES: self._touch,
        }
        for doing in sorted(self._scenario.doings):
            for number, meter in enumerate(self._meters):
                chance = self._scenario.chance(f"{doing} {number}")
                self._courses.begin(of_each[doing](meter, chance))

    async def end(self) -> None:
        await self._courses.end()

    async def change(
        self, meter_id: int, chance: random.Random, expires_s: float | None = None
    ) -> None:
        """Ask for a change that chance draws, if the gateway takes it."""
        life = self._gateway.life
        if life is None:
            return
        drawn = draw_change(chance)
        name = f"change {len(self._ledger.changes)}"
        self._ledger.changes[name] = drawn
        now_ms = life.clock.now_ms()
        new = NewVersion(
            drawn.overrides,
            drawn.overrides,
            "operator",
            name,
            expires_at_ms=None if expires_s is None else now_ms + round(expires_s * 1000),
        )
        with suppress(TimeoutError, GatewayError):
            async with asyncio.timeout(_PATIENCE_S):
                await life.store.commit(versions.make, meter_id, new, now_ms)
                life.note_change(meter_id)

    async def ask(self, meter_id: int, expires_s: int) -> None:
        """Ask for a reading now, if the gateway takes the request."""
        life = self._gateway.life
        if life is None:
            return
        name = f"read {len(self._ledger.asked)}"
        self._ledger.asked[name] = self._instant.now_s()
        fields = {"by": "operator", "request_id": name, "expires_s": expires_s}
        with suppress(TimeoutError, GatewayError):
            async with asyncio.timeout(_PATIENCE_S):
                await life.reads.post(meter_id, fields)

    async def _change_settings(self, meter: VirtualMeter, chance: random.Random) -> None:
        while True:
            await asyncio.sleep(chance.expovariate(1 / (2 * DAY_S)))
            expires_s = chance.uniform(MINUTE_S, DAY_S) if chance.random() < 0.2 else None
            await self.change(meter.meter_id, chance, expires_s)
            if chance.random() < 0.3:  # it was not what was meant
                await asyncio.sleep(chance.expovariate(1 / HOUR_S))
                await self.change(meter.meter_id, chance)

    async def _ask(self, meter: VirtualMeter, chance: random.Random) -> None:
        while True:
            await asyncio.sleep(chance.expovariate(1 / (2 * DAY_S)))
            for _ in range(chance.choice((1, 1, 3))):
                await self.ask(meter.meter_id, chance.randrange(MINUTE_S, DAY_S))
                await asyncio.sleep(chance.uniform(0, MINUTE_S))

    async def _touch(self, meter: VirtualMeter, chance: random.Random) -> None:
        senses = meter.site.senses
        while True:
            await asyncio.sleep(chance.expovariate(1 / (2.5 * DAY_S)))
            draw = chance.random()
            if draw < 0.3:
                senses.touch(Sense.TRIGGER)
            elif draw < 0.4:
                senses.illegal_transitions += chance.randrange(1, 40)
            elif draw < 0.5:
                await _exhaust(senses, chance)
            elif draw < 0.6:
                await _rattle(senses, chance)
            else:
                sense = chance.choice(_TAMPERS)
                senses.apply(sense)
                await asyncio.sleep(chance.choice((1, 10 * MINUTE_S, 5 * HOUR_S)))
                senses.release(sense)


async def _exhaust(senses: Senses, chance: random.Random) -> None:
    """Let the battery be low for a while."""
    full_mv, senses.battery_mv = senses.battery_mv, _LOW_BATTERY_MV
    await asyncio.sleep(chance.uniform(0, 6) * HOUR_S)
    senses.battery_mv = full_mv


async def _rattle(senses: Senses, chance: random.Random) -> None:
    """Let the cover open and close again and again."""
    for _ in range(chance.randrange(5, 15)):
        senses.apply(Sense.COVER)
        await asyncio.sleep(chance.uniform(1, 100))
        senses.release(Sense.COVER)
        await asyncio.sleep(chance.uniform(1, 100))
