"""Several meters on one bench: started together, fed, brought to rest, stopped."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from weir_tools import messages
from weir_tools.errors import Failed
from weir_tools.firmware_on_host import make_importable
from weir_tools.simulator.cable import Cable
from weir_tools.simulator.channel import BenchChannel, Seat
from weir_tools.simulator.firmware import Interpreter
from weir_tools.simulator.identity import Identity
from weir_tools.simulator.inputs import RecordedInputs
from weir_tools.simulator.pacing import PacedTime
from weir_tools.simulator.unix_meter import Launch, UnixMeter
from weir_tools.simulator.waiting import until

if TYPE_CHECKING:
    from weir_tools.simulator.ring_reader import RingContents

REST_TIMEOUT_S = 30.0
QUIET_TIMEOUT_S = 20.0


@dataclass(slots=True)
class BenchMeter:
    """One meter with all that belongs to it."""

    identity: Identity
    inputs: RecordedInputs
    seat: Seat
    unix: UnixMeter

    def ring(self) -> "RingContents":
        """What the meter's flash holds. The meter must be off or asleep."""
        make_importable()
        from weir_tools.simulator.ring_reader import read_ring

        return read_ring(self.unix.home / "flash.bin")

    def volumes_ml(self) -> tuple[float, float]:
        """What the recording says flowed since the meter was last started."""
        before = self.inputs.volumes_ml_at(self.seat.powered_at_ms)
        now = self.inputs.volumes_ml_at(self.seat.now_ms)
        return now[0] - before[0], now[1] - before[1]

    def missing_spans(self) -> int:
        """Spans since then in which nothing was recorded, and so nothing fed."""
        missing = self.inputs.waveform.recording.missing_starts_ms
        return sum(self.seat.powered_at_ms <= start_ms < self.seat.now_ms for start_ms in missing)


class Bench:
    """Owns the meters' time, their cables and their ends."""

    def __init__(
        self, pace: PacedTime, died: Callable[[UnixMeter], None], *, calendar_s: float = 0.0
    ) -> None:
        """calendar_s: what the gateway's clock shows at the bench's time 0."""
        self.pace = pace
        self.calendar_s = calendar_s
        self.meters: list[BenchMeter] = []
        self._died = died
        self._channel = BenchChannel(pace)
        self._address = ""
        self._cables: list[Cable] = []

    async def open(self) -> None:
        self._address = await self._channel.open()

    def lay(self, cable: Cable) -> None:
        """Take over a cable: it is closed with the bench."""
        self._cables.append(cable)

    def add(
        self,
        identity: Identity,
        inputs: RecordedInputs,
        *,
        home: Path,
        link: str,
        interpreter: Interpreter = Interpreter.MICROPYTHON,
    ) -> None:
        """Seat a meter. `link` is what the firmware calls it: tcp:HOST:PORT or pty:PATH."""
        home.mkdir(parents=True, exist_ok=True)
        identity.write_into(home)
        seat = self._channel.add_seat(identity.meter_id, inputs)
        launch = Launch(home, self._address, link, interpreter)
        unix = UnixMeter(seat, launch, died=self._died)
        self.meters.append(BenchMeter(identity, inputs, seat, unix))

    async def start(self) -> None:
        """Power all meters on; return when each has taken its seat."""
        await asyncio.gather(*(meter.unix.start() for meter in self.meters))

    def shut_taps(self) -> int:
        """Let nothing flow any more; return the first instant by which each record says so.

        It is the end of a store interval, a little later than the next one when that is near,
        because the meters' clocks differ from the bench's by seconds.
        """
        now_ms = self.pace.now_ms()
        for meter in self.meters:
            meter.inputs.shut_at(now_ms)
        interval_ms = self.store_interval_ms
        calendar_ms = round(self.calendar_s * 1000)
        intervals = (now_ms + calendar_ms + interval_ms // 10) // interval_ms + 1
        return intervals * interval_ms - calendar_ms

    @property
    def store_interval_ms(self) -> int:
        return max(meter.identity.store_interval_s for meter in self.meters) * 1000

    def rest_ms(self, record_ms: int) -> int:
        """Late in the store interval after a record, when the session that sends it is over."""
        return record_ms + self.store_interval_ms * 15 // 16

    async def rest_after(self, record_ms: int) -> None:
        """Let time run until the record and the session after it, and stand still before the next.

        Return when every meter sleeps beyond that. Raise Failed when one does not get there.
        """
        rest_ms = self.rest_ms(record_ms)
        self.pace.hold_at(rest_ms)

        async def all_rest() -> bool:
            return all(meter.seat.sleeps_beyond(rest_ms) for meter in self.meters)

        timeout_s = self.pace.wall_s_until(rest_ms) + REST_TIMEOUT_S
        if not await until(all_rest, timeout_s=timeout_s):
            raise Failed(messages.METERS_RESTLESS.format(timeout_s=timeout_s))

    async def all_quiet(self) -> bool:
        """Wait until no meter is in a session or calls for one; return whether it came to that."""

        async def quiet() -> bool:
            return all(meter.seat.is_quiet() for meter in self.meters)

        return await until(quiet, timeout_s=QUIET_TIMEOUT_S)

    async def stop(self) -> None:
        await asyncio.gather(*(meter.unix.stop() for meter in self.meters))
        await self._channel.close()
        for cable in self._cables:
            cable.close()
        self._cables.clear()
