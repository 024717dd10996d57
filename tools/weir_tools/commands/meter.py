"""`weir meter`: ask a running gateway about its meters, over its local interface."""

from pathlib import Path

import click

from weir_tools.commands.meter_apply import apply
from weir_tools.commands.meter_backfill import backfill, backfills, gaps
from weir_tools.commands.meter_read import check, checks, read, reads
from weir_tools.commands.meter_settings import config_of_meter, set_settings
from weir_tools.local_interface import ask, gateway_options, print_json
from weir_tools.meter_tables import meter_table, meters_table, readings_table
from weir_tools.options import meter_id_argument
from weir_tools.terminal import open_console


@click.group(no_args_is_help=False)
def meter() -> None:
    """Ask a running gateway about its meters."""


for one in (
    gaps,
    backfill,
    backfills,
    read,
    reads,
    check,
    checks,
    set_settings,
    config_of_meter,
    apply,
):
    meter.add_command(one)


@meter.command("list")
@gateway_options
def list_meters(socket_path: Path | None, config: Path | None, as_json: bool) -> None:
    """All meters: those registered and those ever heard."""
    meters = ask(lambda client: client.meters(), socket_path, config)
    if as_json:
        print_json({"meters": meters})
    else:
        open_console().print(meters_table(meters))


@meter.command()
@meter_id_argument
@gateway_options
def show(meter_id: int, socket_path: Path | None, config: Path | None, as_json: bool) -> None:
    """Everything the gateway knows of one meter."""
    document = ask(lambda client: client.meter(meter_id), socket_path, config)
    if as_json:
        print_json(document)
    else:
        open_console().print(meter_table(document))


@meter.command()
@meter_id_argument
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option(
    "--after",
    metavar="READING",
    help='Those that follow the reading with this id; "0" begins with the oldest.',
)
@gateway_options
def readings(
    meter_id: int,
    limit: int,
    after: str | None,
    socket_path: Path | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """The newest readings of one meter, or a page of all."""
    page = ask(
        lambda client: client.readings(meter_id, limit=limit, after=after), socket_path, config
    )
    if as_json:
        print_json(page)
    else:
        open_console().print(readings_table(page["readings"]))
