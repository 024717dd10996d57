"""`weir demo`: watch three simulated meters arrive on MQTT through a gateway."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.live import Live

from weir_tools import messages
from weir_tools.commands.demo_provoke import provoke
from weir_tools.demo.live_table import draw, draw_totals
from weir_tools.demo.plan import DemoPlan
from weir_tools.demo.workplace import make_fresh
from weir_tools.errors import Different, Failed, Misused
from weir_tools.options import DURATION_S_MAX, FiniteRange, host_and_port
from weir_tools.terminal import open_console

if TYPE_CHECKING:
    from weir_tools.demo.show import Demo
    from weir_tools.demo.totals import DemoTotals

FRAME_S = 0.25
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.group(invoke_without_command=True)
@click.option(
    "--duration",
    "duration_s",
    metavar="SECONDS",
    type=FiniteRange(1, DURATION_S_MAX),
    help="End after so many seconds of running; without it Ctrl-C ends the demo.",
)
@click.option(
    "--speed",
    metavar="X",
    type=FiniteRange(1, 3600),
    default=900.0,
    show_default=True,
    help="Times real time, 1 to 3600. At 90 and more a record is made every 15 simulated minutes.",
)
@click.option("--headless", is_flag=True, help="A few lines of text instead of the live table.")
@click.option(
    "--json",
    "json_file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the totals at the end to a file, for scripts.",
)
@click.option(
    "--broker",
    metavar="HOST:PORT",
    callback=host_and_port,
    help="Use this MQTT broker instead of the embedded one.",
)
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep the demo's files (database, keys, flash, logs) in this new folder.",
)
@click.pass_context
def demo(
    context: click.Context,
    duration_s: float | None,
    speed: float,
    headless: bool,
    json_file: Path | None,
    broker: tuple[str, int] | None,
    keep: Path | None,
) -> None:
    """Watch three simulated meters arrive on MQTT through a gateway.

    Everything is real but the water: the meters are MicroPython processes that run the Weir
    firmware, two of them on TCP and one on a serial line; the gateway is `weir gateway`; the
    broker is a real one. The flow is the recorded inflow of real districts, faster than real; the
    pressure is simulated. At the end the totals are compared to the pulse.
    """
    if context.invoked_subcommand is not None:
        return
    if json_file is not None:
        _check_writable(json_file)
    if keep is not None:
        make_fresh(keep)
    plan = DemoPlan(speed, duration_s, broker, keep)
    console = open_console()

    def keep_totals(totals: "DemoTotals") -> None:
        if json_file is not None:
            json_file.write_text(json.dumps(totals.as_json(), indent=2) + "\n")

    is_live = console.is_terminal and not headless
    totals = asyncio.run(_run(plan, console, is_live=is_live, failed=keep_totals))
    console.print(draw_totals(totals))
    keep_totals(totals)
    if differences := totals.differences():
        raise Different(messages.TOTALS_DIFFER.format(differences="; ".join(differences)))


demo.add_command(provoke)


def _check_writable(file: Path) -> None:
    """Find out before the demo, not after it."""
    place = file if file.exists() else file.absolute().parent
    if not os.access(place, os.W_OK) or file.is_dir() or not file.absolute().parent.is_dir():
        raise Misused(messages.JSON_NOT_WRITTEN.format(file=file))


async def _run(
    plan: DemoPlan, console: Console, *, is_live: bool, failed: "Callable[[DemoTotals], None]"
) -> "DemoTotals":
    """failed: given what is known when the demo does not come to its end."""
    from weir_tools.demo.show import Demo

    show = Demo(plan)
    running = asyncio.create_task(show.run())
    with _stopped_by_signals(show, running):
        if is_live:
            await _watch(show, running, console)
        else:
            await _tell(show, running, console)
        try:
            return await running
        except Failed as error:
            failed(show.known or show.nothing(str(error)))
            raise


@contextlib.contextmanager
def _stopped_by_signals(show: "Demo", running: "asyncio.Task[DemoTotals]") -> Iterator[None]:
    """The first signal ends the demo in its own way; the second at once."""
    loop = asyncio.get_running_loop()
    heard: list[int] = []

    def stop(number: int) -> None:
        heard.append(number)
        if len(heard) == 1 and show.started_after_s is not None:
            show.stop()
        else:
            running.cancel()

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stop, number)
    try:
        yield
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)


async def _watch(show: "Demo", running: "asyncio.Task[DemoTotals]", console: Console) -> None:
    with Live(console=console, auto_refresh=False) as live:
        while not running.done():
            live.update(draw(show.scene()), refresh=True)
            await asyncio.wait((running,), timeout=FRAME_S)
        live.update(draw(show.scene()), refresh=True)


async def _tell(show: "Demo", running: "asyncio.Task[DemoTotals]", console: Console) -> None:
    """A line whenever the demo does something else, and the addresses once they are known."""
    told: set[str] = set()
    while not running.done():
        scene = show.scene()
        for line in (scene.step, *(f"{name}: {text}" for name, text in scene.addresses)):
            if line not in told:
                told.add(line)
                console.print(line, soft_wrap=True)  # commands to copy stay whole
        await asyncio.wait((running,), timeout=FRAME_S)
