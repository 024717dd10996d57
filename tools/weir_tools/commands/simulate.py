"""`weir simulate`: run simulated meters fed with recorded flow."""

import asyncio
import json
import signal
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from weir_tools import messages
from weir_tools.errors import Misused
from weir_tools.options import (
    DURATION_S_MAX,
    FiniteRange,
    flow_unit_option,
    host_and_port,
    pulse_weight_option,
    whole_number,
)
from weir_tools.simulate.gateway_file import GatewayFile
from weir_tools.simulate.options import Options, clock_of, time_by, time_from_start
from weir_tools.simulate.run import BenchTime, Outcome, Run, SimulatedMeter, home_folder
from weir_tools.simulate.tables import summary_table
from weir_tools.simulator.csv_input import read_recording
from weir_tools.simulator.firmware import Interpreter
from weir_tools.simulator.identity import add_keys
from weir_tools.simulator.pacing import PacedTime
from weir_tools.simulator.recording import Recording
from weir_tools.terminal import open_console

SPEED_MAX = 3600


def _interval_option(name: str, default: int, what: str) -> Callable[[Any], Any]:
    return click.option(
        f"--{name}-interval-s",
        metavar="S",
        type=click.IntRange(1, 86_400),
        default=default,
        show_default=True,
        help=what,
    )


@click.command()
@click.argument("files", metavar="CSV...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--tcp", metavar="HOST:PORT", callback=host_and_port, help="The gateway to call.")
@click.option(
    "--serial",
    "serial_ports",
    metavar="PORT",
    multiple=True,
    help="The serial port to speak on; once for each meter.",
)
@click.option("--baud", type=click.IntRange(50, 4_000_000), default=9600, show_default=True)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The gateway's configuration: its address, clock and key file are taken from it.",
)
@click.option(
    "--meters",
    "meter_count",
    type=click.IntRange(1, 1000),
    help="How many meters; the recordings are dealt out in turn.  [default: one for each CSV]",
)
@click.option(
    "--meter-id",
    default="1001",
    show_default=True,
    callback=whole_number("a meter's number", 1, 2**32 - 1001),
    help="Number of the first meter; the others follow.",
)
@click.option(
    "--keys",
    "keys_file",
    type=click.Path(path_type=Path),
    help="The gateway's key file, to add the meters to.  [default: keys.txt, or as --config says]",
)
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder in which the meters live on: flash, identity, log.  [default: a temporary one]",
)
@click.option(
    "--speed",
    type=FiniteRange(0.01, SPEED_MAX),
    help="Times real time.  [default: 1, or as --config says]",
)
@click.option(
    "--clock",
    "clock_source",
    type=click.Choice(["gateway", "csv"]),
    help="Whether the flow takes place now, on the gateway's clock, or when it is dated, which "
    "needs a gateway whose clock goes along.  [default: gateway at speed 1, else csv]",
)
@flow_unit_option
@pulse_weight_option("10")
@_interval_option("sample", 60, "Between two samples.")
@_interval_option("store", 900, "Between two records.")
@_interval_option("send", 900, "Between two sessions.")
@click.option(
    "--pressure",
    type=click.Choice(["recorded", "simulated"]),
    default="recorded",
    show_default=True,
    help="Where it comes from when a CSV has none: nowhere, or from a model.",
)
@click.option(
    "--duration",
    "duration_s",
    metavar="SECONDS",
    type=FiniteRange(1, DURATION_S_MAX),
    help="End after so many seconds, instead of with the recording.",
)
@click.option(
    "--interpreter",
    type=click.Choice([interpreter.value for interpreter in Interpreter]),
    default=Interpreter.MICROPYTHON.value,
    show_default=True,
    help="What runs the firmware.",
)
@click.option("--json", "as_json", is_flag=True, help="The summary as one JSON object.")
def simulate(**options: Any) -> None:
    """Run meters on recorded flow against a gateway.

    Each meter is a process that runs the Weir firmware on MicroPython with 64 KB of heap. A CSV
    has a column time (ISO 8601 or seconds), a column flow_l_s, flow_m3_h, flow_l_h (or flow with
    --flow-unit) or pulses, and perhaps pressure_kpa, pressure_bar or pressure_m. A row holds until
    the next one; negative flow is reverse flow; an empty value lets nothing flow.
    """
    wanted = Options(**options)
    if not wanted.files:
        raise Misused(messages.NO_RECORDING)
    file = GatewayFile() if wanted.config is None else GatewayFile.read(wanted.config)
    recordings = [
        read_recording(each, pulse_weight_ml=wanted.pulse_weight_ml, flow_unit=wanted.flow_unit)
        for each in wanted.files
    ]
    with home_folder(wanted.home) as home:
        meters = wanted.meters(recordings, file, home)
        time = _time(wanted, recordings, file)
        _add_keys(wanted, file, meters)
        outcome = asyncio.run(_run(wanted, meters, time, home))
    if wanted.as_json:
        click.echo(json.dumps({"meters": [asdict(each) for each in outcome.summaries]}, indent=2))
    else:
        open_console().print(summary_table(outcome.summaries))
    outcome.check()


def _time(wanted: Options, recordings: Sequence[Recording], file: GatewayFile) -> BenchTime:
    """The bench's time, and word of what the gateway's clock has to do with it."""
    speed = wanted.speed_beside(file.clock)
    source = wanted.clock_source or ("gateway" if speed == 1 and file.clock is None else "csv")
    if source == "gateway":
        if speed != 1 and file.clock is None:
            click.echo(messages.CLOCK_SET_BACK, err=True)
        return time_from_start(file.clock, speed)
    clock = file.clock
    if clock is None:
        clock = clock_of(recordings[0], speed)
        click.echo(messages.PUT_CLOCK.format(clock=clock.as_toml()), err=True)
    return time_by(recordings, clock)


def _add_keys(wanted: Options, file: GatewayFile, meters: Sequence[SimulatedMeter]) -> None:
    keys_file = wanted.keys_beside(file)
    added = add_keys(keys_file, [meter.identity for meter in meters])
    if added:
        listed = ", ".join(map(str, added))
        click.echo(messages.NEW_KEYS.format(file=keys_file, meters=listed), err=True)
        file.wait_for(added)
    if wanted.pressure == "simulated":
        click.echo(messages.SIMULATED_PRESSURE, err=True)


def _say_how_long(meter_count: int, pace: PacedTime, wall_s: float) -> None:
    passed_s = pace.now_ms() // 1000
    if passed_s > pace.speed:  # more than a second of the wall
        passed = timedelta(seconds=passed_s)
        click.echo(messages.RECORDING_BEGUN.format(passed=passed), err=True)
    length = timedelta(seconds=round(wall_s))
    count = "1 meter" if meter_count == 1 else f"{meter_count} meters"
    click.echo(messages.RUNNING.format(count=count, duration=length), err=True)


async def _run(
    wanted: Options, meters: Sequence[SimulatedMeter], time: BenchTime, home: Path
) -> Outcome:
    """The first signal ends the run with its summary, the second at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    run = Run(meters, time=time, home=home, interpreter=Interpreter(wanted.interpreter))

    def started(wall_s: float) -> None:
        _say_how_long(len(meters), time.pace, wall_s)

    running = asyncio.create_task(
        run.run(stop=stop, duration_s=wanted.duration_s, started=started)
    )

    def signalled() -> None:
        if stop.is_set():
            running.cancel()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, signalled)
    try:
        return await running
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
