"""`weir bench alarm`: how long an alarm takes to a subscriber."""

import json
import tempfile
from pathlib import Path

import click

from weir_tools.errors import Different
from weir_tools.firmware_on_host import make_importable

COUNT = 200
READS = 100


@click.command()
@click.option(
    "--count",
    type=click.IntRange(0, 100_000),
    default=COUNT,
    show_default=True,
    help="Alarms, shared out to the meters.",
)
@click.option(
    "--reads",
    type=click.IntRange(0, 100_000),
    default=READS,
    show_default=True,
    help="Readings on request after that.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def alarm(count: int, reads: int, as_json: bool) -> None:
    """How long an alarm, and a reading on request, take on an open link.

    Real meters (MicroPython, the whole firmware) on TCP and on ptys, a real gateway and a real
    mosquitto, in real time: from the opening of a cover, or the question, until a subscriber of
    the broker has the message. Exit code 4 when an alarm in a hundred takes longer than 2 s, or
    when fewer messages come than there were alarms or questions.
    """
    make_importable()
    from weir_tools.alarm_bench import report
    from weir_tools.alarm_bench.measurement import measure

    if not count and not reads:
        raise click.UsageError("there is nothing to measure; give --count or --reads")
    with tempfile.TemporaryDirectory(prefix="weir-alarm-") as folder:
        outcomes = measure(Path(folder), alarms=count, reads=reads)
    if as_json:
        click.echo(json.dumps(report.as_json(outcomes), indent=2))
    else:
        report.show(outcomes)
    if faults := report.faults(outcomes):
        raise Different(" ".join(faults))
