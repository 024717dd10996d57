"""`weir bench`: measurements that name their data."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weir_tools import messages
from weir_tools.commands.bench_alarm import alarm
from weir_tools.commands.bench_fairness import fairness
from weir_tools.errors import Different, Failed
from weir_tools.firmware_on_host import make_importable
from weir_tools.options import FiniteRange, flow_unit_option, pulse_weight_option
from weir_tools.simulator.csv_input import read_recording
from weir_tools.simulator.districts import SOURCE, read_districts
from weir_tools.simulator.inputs import RecordedInputs
from weir_tools.simulator.pressure import pressure_for
from weir_tools.simulator.recording import Recording
from weir_tools.simulator.waveform import Waveform
from weir_tools.virtual.scenario import ALL_DOINGS, ALL_FAULTS, Doing, Fault, Scenario

if TYPE_CHECKING:
    from weir_tools.codec_bench.measurement import Measurement

DISTRICTS = (6, 7, 8, 9, 10)  # not one of them was looked at when the codec was made
SEEDS = tuple(range(1, 11))  # of the worlds that `weir bench custody` runs
METERS = 10  # in each of them, so 100 together
DAYS = 7.0
PRESSURE_NOTE = (
    "Pressure is simulated where none was recorded: static head less a loss with the square of "
    "the flow, and a sensor's noise of 0.5 kPa."
)


@click.group(no_args_is_help=False)
def bench() -> None:
    """Measure what Weir does, on data that is named."""


bench.add_command(alarm)
bench.add_command(fairness)


@bench.command()
@click.option(
    "--csv",
    "files",
    type=click.Path(path_type=Path),
    multiple=True,
    help="A recording of your own, as for `weir simulate`; may be repeated.",
)
@flow_unit_option
@pulse_weight_option("100")
@click.option(
    "--days",
    type=click.IntRange(1),
    default=30,
    show_default=True,
    help="Days of each recording, spread evenly over it.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def codec(
    files: tuple[Path, ...], flow_unit: str | None, pulse_weight_ml: int, days: int, as_json: bool
) -> None:
    """Bytes per record and per reading on recorded data.

    The frames are those that the meter's own firmware makes, with header, seal and framing, and
    the gateway's side must read the very same records from them. Without --csv the data is the
    recorded inflow of five real districts, none of which was used to make the codec.
    """
    make_importable()
    from weir_tools.codec_bench import report

    recordings = _recordings(files, flow_unit, pulse_weight_ml)
    measurements = _measure_all(recordings, pulse_weight_ml, days)
    source = ", ".join(map(str, files)) if files else f"{SOURCE}, DMA 6 to 10"
    if as_json:
        click.echo(json.dumps(report.as_json(source, measurements), indent=2))
    else:
        notes = [PRESSURE_NOTE] if any(e.pressure_is_simulated for e in measurements) else []
        report.show(source, measurements, notes)


@bench.command()
@click.option("--days", type=click.IntRange(1, 150), default=30, show_default=True)
@click.option("--baud", type=click.IntRange(1200, 4_000_000), default=9600, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def backfill(days: int, baud: int, as_json: bool) -> None:
    """How long the backlog of an outage takes on a serial line, against its bytes alone.

    A real meter records for some days, in stepped time, while nobody answers it. Then the line to
    a real gateway is mended, and its bytes take as long as they do at that baud rate.
    """
    make_importable()
    from weir_tools.backfill_bench import report
    from weir_tools.backfill_bench.measurement import measure
    from weir_tools.demo.fleet import read_inputs
    from weir_tools.demo.plan import METERS, PULSE_WEIGHT_ML

    inputs = read_inputs(METERS[:1])[0]
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        healing = measure(
            Path(folder), inputs, pulse_weight_ml=PULSE_WEIGHT_ML, days=days, baud=baud
        )
    if healing.missing:
        raise Different(messages.BACKLOG_NOT_HEALED.format(missing=healing.missing))
    if as_json:
        click.echo(json.dumps(report.as_json(healing, days=days), indent=2))
    else:
        click.echo(report.in_words(healing, days=days))


@bench.command()
@click.option("--seed", type=click.IntRange(0), help="Run this one world instead of the usual.")
@click.option(
    "--meters",
    type=click.IntRange(1, 1000),
    default=METERS,
    show_default=True,
    help="Meters in each world.",
)
@click.option(
    "--days",
    type=FiniteRange(0.1, 400),
    default=DAYS,
    show_default=True,
    help="Virtual days with faults; then each world drains.",
)
@click.option(
    "--fault",
    "faults",
    type=click.Choice([*(fault.value for fault in Fault), "none"]),
    multiple=True,
    help="Only this kind of fault; may be repeated. Usually all of them.",
)
@click.option(
    "--doing",
    "doings",
    type=click.Choice([*(doing.value for doing in Doing), "none"]),
    multiple=True,
    help="Only this of what people do; may be repeated. Usually all of it.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def custody(
    seed: int | None,
    meters: int,
    days: float,
    faults: tuple[str, ...],
    doings: tuple[str, ...],
    as_json: bool,
) -> None:
    """See that nothing is lost and nothing counts twice, whatever goes wrong.

    Meters with the real firmware, their links, the real parts of the gateway and a broker run on
    one seed and in virtual time, with power cuts, bad links, kills and outages, while people
    change settings, ask for readings and tamper with meters, until everything has drained. Exit
    code 4 when a promise was broken; the same seed repeats it to the bit.
    """
    make_importable()
    from weir_tools.virtual import bench as virtual_bench
    from weir_tools.virtual import report, ring_cuts

    kinds = frozenset(Fault(name) for name in faults if name != "none") if faults else ALL_FAULTS
    done = frozenset(Doing(name) for name in doings if name != "none") if doings else ALL_DOINGS
    seeds = SEEDS if seed is None else (seed,)
    scenarios = [Scenario(each, meters, days, kinds, done) for each in seeds]
    geometries = ring_cuts.GEOMETRIES if seed is None else ()
    outcome = virtual_bench.run(scenarios, geometries)
    if as_json:
        click.echo(json.dumps(virtual_bench.as_json(outcome), indent=2))
    else:
        report.show(outcome)
    broken = outcome.broken()
    if broken:
        raise Different(messages.PROMISES_BROKEN.format(count=len(broken), first=broken[0]))


def _recordings(
    files: Sequence[Path], flow_unit: str | None, pulse_weight_ml: int
) -> list[Recording]:
    if not files:
        return read_districts(DISTRICTS)
    return [
        read_recording(file, pulse_weight_ml=pulse_weight_ml, flow_unit=flow_unit)
        for file in files
    ]


def _measure_all(
    recordings: Sequence[Recording], pulse_weight_ml: int, days_max: int
) -> "list[Measurement]":
    from weir_tools.codec_bench.measurement import measure

    measurements = []
    for recording in recordings:
        waveform = Waveform(recording, pulse_weight_ml)
        inputs = RecordedInputs(waveform, pressure_for(waveform))
        measured = measure(waveform, inputs.pressure_kpa_at, days_max)
        if measured is None:
            raise Failed(messages.RECORDING_TOO_SHORT.format(name=recording.name))
        measurements.append(measured)
    return measurements
