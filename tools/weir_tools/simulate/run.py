"""Run simulated meters until their recordings end, and sum up what they were fed and recorded."""

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weir_tools.errors import Failed
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


@dataclass(frozen=True, slots=True)
class BenchTime:
    """calendar_s: what the gateway's clock shows at the bench's time 0."""

    pace: PacedTime
    calendar_s: float


@dataclass(frozen=True, slots=True)
class MeterSummary:
    """What one meter was fed since it was started, and what its flash holds at the end.

    The register is that of the newest record; in a home used before it goes on from there.
    """

    meter_id: int
    recording: str
    epoch: str
    records_made: int
    register_pulses: int
    register_reverse_pulses: int
    fed_pulses: int
    fed_reverse_pulses: int
    pulse_weight_l: float
    missing_rows: int


@contextlib.contextmanager
def home_folder(home: Path | None) -> Iterator[Path]:
    """Where the meters live: the folder given, or one that is gone afterwards."""
    if home is not None:
        yield home.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="weir-simulate-") as scratch:
        yield Path(scratch)


async def run_meters(
    meters: Sequence[SimulatedMeter],
    *,
    time: BenchTime,
    home: Path,
    interpreter: Interpreter,
    stop: asyncio.Event,
    duration_s: float | None,
) -> list[MeterSummary]:
    """Run them until the recordings end, the time is up or `stop` is set."""
    pace = time.pace
    firmware_command(interpreter)  # compiles it, so that the meters start together
    failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def died(meter: UnixMeter) -> None:
        if not failure.done():
            failure.set_exception(meter.stopped())

    bench = Bench(pace, died, calendar_s=time.calendar_s)
    try:
        await bench.open()
        for meter in meters:
            _seat(bench, meter, home, interpreter)
        await bench.start()
        ends_ms = max(meter.inputs.waveform.ends_ms for meter in meters)
        ends_s = pace.wall_s_until(ends_ms)
        ends_s = ends_s if duration_s is None else min(ends_s, duration_s)
        await _first_of(stop.wait(), failure, ends_s)
        await _let_them_finish(bench, failure)
    finally:
        await bench.stop()
    return [_summary(meter) for meter in bench.meters]


def _seat(bench: Bench, meter: SimulatedMeter, home: Path, interpreter: Interpreter) -> None:
    link = f"tcp:{meter.gateway}"
    if meter.serial_port is not None:
        cable, path = open_serial_cable(meter.serial_port, baud=meter.baud)
        bench.lay(cable)
        link = f"pty:{path}"
    bench.add(
        meter.identity,
        meter.inputs,
        home=home / str(meter.identity.meter_id),
        link=link,
        interpreter=interpreter,
    )


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


def _summary(meter: BenchMeter) -> MeterSummary:
    try:
        ring = meter.ring()
    except (OSError, LookupError) as error:
        raise Failed(str(error)) from error
    return MeterSummary(
        meter_id=meter.identity.meter_id,
        recording=meter.inputs.waveform.recording.name,
        epoch=f"{ring.epoch:08x}",
        records_made=ring.records_made,
        register_pulses=ring.forward_pulses,
        register_reverse_pulses=ring.reverse_pulses,
        fed_pulses=meter.seat.fed_pulses[0],
        fed_reverse_pulses=meter.seat.fed_pulses[1],
        pulse_weight_l=meter.identity.pulse_weight_ml / 1000,
        missing_rows=meter.missing_spans(),
    )
