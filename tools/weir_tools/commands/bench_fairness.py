"""`weir bench fairness`: what a flooding meter costs the others."""

import asyncio
import json
import tempfile
from pathlib import Path

import click

FLOODS = (("genuine", 1), ("genuine", 8), ("forged", 8), ("garbage", 1), ("garbage", 8))


@click.command()
@click.option(
    "--meters",
    type=click.IntRange(1, 500),
    default=20,
    show_default=True,
    help="Quiet meters, each on a connection of its own, that send 5 readings a second.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(1.0, 600.0),
    default=4.0,
    show_default=True,
    help="How long to measure before and during each flood.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def fairness(meters: int, seconds: float, as_json: bool) -> None:
    """How much longer meters wait for an acknowledgement while another one floods the gateway.

    A real gateway process on TCP, without a broker. One meter floods it as fast as it takes
    bytes, with its own key, with a wrong one, or with rubbish, on one connection or on several.
    """
    from weir_tools.fairness_bench import report
    from weir_tools.fairness_bench.measurement import run

    with tempfile.TemporaryDirectory(prefix="weir-fairness-") as folder:
        trials = asyncio.run(run(Path(folder), list(FLOODS), meters=meters, seconds=seconds))
    if as_json:
        click.echo(json.dumps(report.as_json(trials, meters=meters, seconds=seconds), indent=2))
    else:
        report.show(trials)
