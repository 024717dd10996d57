"""Run simulated meters until their recordings end, and sum up what they were fed and recorded."""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weir_tools import messages
from weir_tools.errors import Different, Failed, Misused, Unreachable
from weir_tools.simulate.overheard import Overheard
from weir_tools.simulate.relay import Relay
from weir_tools.simulator.bench import Bench, BenchMeter
from weir_tools.simulator.cable import open_serial_cable
from weir_tools.simulator.firmware import Interpreter, firmware_command
from weir_tools.simulator.identity import Identity
from weir_tools.simulator.inputs import RecordedInputs
from weir_tools.simulator.pacing import PacedTime
from weir_tools.simulator.unix_meter import UnixMeter

DRAIN_WALL_S_MAX = 30.0  # longer than this nobody wants to wait for the last record


@dataclass(frozen=True, slots=True)
class SimulatedMeter:
    """One meter to run. `gateway`: HOST:PORT, or None for the serial port beside it."""

    identity: Identity
    inputs: RecordedInputs
    gateway: str | None
    serial_port: str | None
    baud: int


@dataclass(slots=True)
class BenchTime:
    """The bench's time, and what the gateway's clock shows at its 0.

    calendar_s: None until `begin`, for a time that starts only then.
    calendar_of: what the gateway's clock shows at a unix time.
    """

    pace: PacedTime
    calendar_s: float | None
    calendar_of: Callable[[float], float] = float

    def begin(self) -> float:
        """The meters are ready. Return what the gateway's clock shows at time 0."""
        if self.calendar_s is None:
            self.pace.begin()
            self.calendar_s = self.calendar_of(self.pace.origin_s)
        return self.calendar_s


@dataclass(frozen=True, slots=True)
class MeterSummary:
    """What one meter was fed since it was started, and what its flash holds at the end.

    The register is that of the newest record; in a home used before it goes on from there.
    records_acknowledged: how many of the records made, as the gateway said in this run.
    """

    meter_id: int
    recording: str
    epoch: str
    records_made: int
    records_acknowledged: int
    register_pulses: int
    register_reverse_pulses: int
    fed_pulses: int
    fed_reverse_pulses: int
    pulse_weight_l: float
    missing_rows: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run.

    made_before: records in the flash of each meter before it.
    unreached: the sentence to say when nobody was at the far end of a link.
    """

    summaries: Sequence[MeterSummary]
    made_before: Sequence[int]
    unreached: str | None

    def check(self) -> None:
        """Raise Unreachable or Different when not all that was made has been acknowledged."""
        if self.unreached is not None:
            raise Unreachable(self.unreached)
        waiting = [
            (each.meter_id, each.records_made - max(each.records_acknowledged, before))
            for each, before in zip(self.summaries, self.made_before, strict=True)
        ]
        count = sum(count for _, count in waiting)
        if count == 0:
            return
        nothing_came = not any(each.records_acknowledged for each in self.summaries)
        sentence = messages.NONE_ACKNOWLEDGED if nothing_came else messages.SOME_UNACKNOWLEDGED
        listed = ", ".join(str(meter_id) for meter_id, left in waiting if left)
        raise Different(sentence.format(count=count, meters=listed))


@contextlib.contextmanager
def home_folder(home: Path | None) -> Iterator[Path]:
    """Where the meters live: the folder given, or one that is gone afterwards."""
    if home is None:
        with tempfile.TemporaryDirectory(prefix="weir-simulate-") as scratch:
            yield Path(scratch)
        return
    try:
        home.mkdir(parents=True, exist_ok=True)
        resolved = home.resolve()
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise Misused(messages.HOME_NOT_MADE.format(folder=home, reason=reason)) from error
    yield resolved


class Run:
    """Simulated meters on a bench that listens to what the gateway answers them."""

    def __init__(
        self,
        meters: Sequence[SimulatedMeter],
        *,
        time: BenchTime,
        home: Path,
        interpreter: Interpreter,
    ) -> None:
        self._meters = meters
        self._time = time
        self._home = home
        self._interpreter = interpreter
        self._overheard = {
            meter.identity.meter_id: Overheard(meter.identity.key) for meter in meters
        }
        gateway = meters[0].gateway
        self._relay = None if gateway is None else Relay(gateway, self._overheard)
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._bench = Bench(time.pace, self._died)

    async def run(
        self,
        *,
        stop: asyncio.Event,
        duration_s: float | None,
        started: Callable[[float], None],
    ) -> Outcome:
        """Run until the recordings end, the time is up or `stop` is set.

        started: told, once all meters are ready, how many seconds it will take.
        """
        firmware_command(self._interpreter)  # compiles it, so that the meters start together
        bench = self._bench
        try:
            await self._open()
            made_before = [_records_made(meter) for meter in bench.meters]
            await bench.start()
            bench.calendar_s = self._time.begin()
            ends_ms = max(meter.inputs.waveform.ends_ms for meter in self._meters)
            ends_s = bench.pace.wall_s_until(ends_ms)
            ends_s = ends_s if duration_s is None else min(ends_s, duration_s)
            started(ends_s)
            await _first_of(stop.wait(), self._failure, ends_s)
            await _let_them_finish(bench, self._failure)
        finally:
            await bench.stop()
            if self._relay is not None:
                await self._relay.close()
        summaries = [self._summary(meter) for meter in bench.meters]
        return Outcome(summaries, made_before, self._unreached())

    async def _open(self) -> None:
        await self._bench.open()
        address = None if self._relay is None else await self._relay.open()
        for meter in self._meters:
            self._seat(meter, f"tcp:{address}")

    def _seat(self, meter: SimulatedMeter, link: str) -> None:
        meter_id = meter.identity.meter_id
        if meter.serial_port is not None:
            listener = self._overheard[meter_id]
            cable, path = open_serial_cable(meter.serial_port, baud=meter.baud, listener=listener)
            self._bench.lay(cable)
            link = f"pty:{path}"
        self._bench.add(
            meter.identity,
            meter.inputs,
            home=self._home / str(meter_id),
            link=link,
            interpreter=self._interpreter,
        )

    def _died(self, meter: UnixMeter) -> None:
        if not self._failure.done():
            self._failure.set_exception(meter.stopped())

    def _unreached(self) -> str | None:
        """One sentence on the first link at whose end nobody was, None when all were answered."""
        relay = self._relay
        if relay is not None:
            if relay.reached or relay.refusal is None:
                return None
            return messages.GATEWAY_NOT_REACHED.format(gateway=relay.gateway, reason=relay.refusal)
        for meter in self._meters:
            overheard = self._overheard[meter.identity.meter_id]
            if overheard.spoke and not overheard.was_answered:
                return messages.NOTHING_ON_LINE.format(port=meter.serial_port, baud=meter.baud)
        return None

    def _summary(self, meter: BenchMeter) -> MeterSummary:
        try:
            ring = meter.ring()
        except (OSError, LookupError) as error:
            raise Failed(str(error)) from error
        acknowledged = self._overheard[meter.identity.meter_id].acknowledged_count(ring.epoch)
        return MeterSummary(
            meter_id=meter.identity.meter_id,
            recording=meter.inputs.waveform.recording.name,
            epoch=f"{ring.epoch:08x}",
            records_made=ring.records_made,
            records_acknowledged=min(acknowledged, ring.records_made),
            register_pulses=ring.forward_pulses,
            register_reverse_pulses=ring.reverse_pulses,
            fed_pulses=meter.seat.fed_pulses[0],
            fed_reverse_pulses=meter.seat.fed_pulses[1],
            pulse_weight_l=meter.identity.pulse_weight_ml / 1000,
            missing_rows=meter.missing_spans(),
        )


def _records_made(meter: BenchMeter) -> int:
    """As its flash has it before it starts; 0 for a meter that never ran."""
    try:
        return meter.ring().records_made
    except (OSError, LookupError, ValueError):
        return 0


async def _first_of(work: Any, failure: "asyncio.Future[None]", timeout_s: float | None) -> None:
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait((task, failure), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if failure.done():
            failure.result()
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _let_them_finish(bench: Bench, failure: "asyncio.Future[None]") -> None:
    """The last pulses come into a record and on their way, when that does not take too long."""
    record_ms = bench.shut_taps()
    if bench.pace.wall_s_until(bench.rest_ms(record_ms)) <= DRAIN_WALL_S_MAX:
        await _first_of(bench.rest_after(record_ms), failure, None)
        await _first_of(bench.all_quiet(), failure, None)
