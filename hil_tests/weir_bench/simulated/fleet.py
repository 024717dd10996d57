"""Several meters in real time that runs fast: a quarter of an hour in half a second.

Nothing is stepped here: meters, gateway and broker do what they do at the same time, as in the
field. Time-outs on the line run LINK_SPEED times as fast.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weir_bench.errors import BenchFault
from weir_bench.simulated.background import BackgroundLoop
from weir_bench.simulated.inputs import TurnedInputs
from weir_tools.simulate.gateway_file import GatewayClock
from weir_tools.simulator.channel import BenchChannel, Seat
from weir_tools.simulator.identity import Identity, new_key
from weir_tools.simulator.pacing import Alarm, PacedTime, Wake
from weir_tools.simulator.ring_reader import RingRecord, read_records, read_ring
from weir_tools.simulator.unix_meter import Launch, UnixMeter
from weir_tools.simulator.waiting import until

STARTS_AT_S = 1_614_556_800  # 2021-03-01T00:00:00Z
STORE_INTERVAL_S = 900
SPEED = 1800.0
LINK_SPEED = 4
FIRST_METER_ID = 7001
RATE_HZ = 0.1
REST_S_MAX = 60.0
INTERVALS_MAX = 200  # in which everything must have drained once the faults have stopped

_MORE_THAN_A_SLOT = 15 / 16  # of an interval: the meters chosen have called by then


class HastyTime(PacedTime):
    """Paced time whose link runs LINK_SPEED times as fast as the wall."""

    def link_ms(self) -> int:
        return super().link_ms() * LINK_SPEED

    def arm(self, wake_at_ms: int, link_wake_in_ms: int | None, wake: Wake) -> Alarm:
        link_in_ms = None if link_wake_in_ms is None else -(-link_wake_in_ms // LINK_SPEED)
        return super().arm(wake_at_ms, link_in_ms, wake)


@dataclass(frozen=True, slots=True)
class FleetMeter:
    identity: Identity
    seat: Seat
    unix: UnixMeter

    def made_count(self) -> int:
        """How many records it has made. It must be off or asleep."""
        return read_ring(self.unix.home / "flash.bin").records_made

    def records(self) -> list[RingRecord]:
        return read_records(self.unix.home / "flash.bin")


class Fleet:
    """All methods are for the test's thread."""

    def __init__(self, folder: Path, count: int) -> None:
        self._loop = BackgroundLoop()
        self.identities = [_identity(FIRST_METER_ID + place) for place in range(count)]
        self.meters: list[FleetMeter] = []
        self._folder = folder
        self._pace = HastyTime(speed=SPEED)
        self._channel = BenchChannel(self._pace)

    def clock_table(self) -> str:
        """The `[clock]` of a gateway that lives in the same time."""
        return GatewayClock(float(STARTS_AT_S), self._pace.origin_s, SPEED).as_toml()

    def start(self, addresses: Sequence[str]) -> None:
        """Power all meters on; each calls its address, HOST:PORT."""
        self._loop.run(self._start(addresses))

    def cut_power(self, meter: FleetMeter) -> None:
        """Off and on again at once."""

        async def cycle() -> None:
            await meter.unix.kill()
            await meter.unix.start()

        self._loop.run(cycle())

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something on the event loop that the meters are served by."""
        self._loop.run(work)

    def let_drain(self, has_all: Callable[[], bool]) -> None:
        """Let time pass until it has all at the end of an interval, and stand still there."""
        for _ in range(INTERVALS_MAX):
            self._loop.run(self._rest())
            if has_all():
                return
        raise BenchFault(f"not everything had arrived after {INTERVALS_MAX} intervals")

    def close(self) -> None:
        self._loop.run(self._close())
        self._loop.close()

    async def _start(self, addresses: Sequence[str]) -> None:
        bench = await self._channel.open()
        for identity, address in zip(self.identities, addresses, strict=True):
            home = self._folder / str(identity.meter_id)
            await asyncio.to_thread(home.mkdir, parents=True)
            identity.write_into(home)
            inputs = TurnedInputs()
            inputs.run(0, RATE_HZ, 0)
            seat = self._channel.add_seat(identity.meter_id, inputs)
            unix = UnixMeter(seat, Launch(home, bench, f"tcp:{address}"))
            self.meters.append(FleetMeter(identity, seat, unix))
        await asyncio.gather(*(meter.unix.start() for meter in self.meters))

    async def _rest(self) -> None:
        """Let time run on to late in the interval, and wait until no meter has anything to do."""
        interval_ms = STORE_INTERVAL_S * 1000
        past = self._pace.now_ms() // interval_ms + 1
        rest_ms = round((past + _MORE_THAN_A_SLOT) * interval_ms)
        self._pace.hold_at(rest_ms)

        async def all_rest() -> bool:
            seats = [meter.seat for meter in self.meters]
            return all(seat.sleeps_beyond(rest_ms) and seat.is_quiet() for seat in seats)

        if not await until(all_rest, timeout_s=REST_S_MAX):
            raise BenchFault(f"a meter had not come to rest after {REST_S_MAX:g} s")

    async def _close(self) -> None:
        await asyncio.gather(*(meter.unix.kill() for meter in self.meters))
        await self._channel.close()


def _identity(meter_id: int) -> Identity:
    return Identity(
        meter_id,
        new_key(),
        10_000,
        sample_interval_s=STORE_INTERVAL_S,
        store_interval_s=STORE_INTERVAL_S,
        send_interval_s=STORE_INTERVAL_S,
    )
