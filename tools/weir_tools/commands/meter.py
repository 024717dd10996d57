"""`weir meter`: ask a running gateway about its meters, over its local interface."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weir_tools.errors import Failed, Misused, Unreachable
from weir_tools.meter_tables import meter_table, meters_table, readings_table
from weir_tools.options import whole_number
from weir_tools.terminal import open_console

if TYPE_CHECKING:
    from weir_gateway.client import GatewayClient

SOCKET_VARIABLE = "WEIR_SOCKET"
SOCKET_DEFAULT = Path("weir.sock")

Command = Callable[..., None]

meter_id_argument = click.argument(
    "meter_id", metavar="ID", callback=whole_number("a meter's number", 0, 2**32 - 1)
)


def gateway_options(command: Command) -> Command:
    """The options that say which gateway, and in which form."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="The gateway's own JSON."),
        click.option(
            "--config",
            type=click.Path(path_type=Path),
            help="The gateway's configuration file, to find its local interface.",
        ),
        click.option(
            "--socket",
            "socket_path",
            type=click.Path(path_type=Path),
            help="The gateway's local interface. Without it and --config: the variable "
            f"{SOCKET_VARIABLE}, else ./{SOCKET_DEFAULT}.",
        ),
    ):
        command = option(command)
    return command


@click.group(no_args_is_help=False)
def meter() -> None:
    """Ask a running gateway about its meters."""


@meter.command("list")
@gateway_options
def list_meters(socket_path: Path | None, config: Path | None, as_json: bool) -> None:
    """All meters: those registered and those ever heard."""
    meters = _ask(lambda client: client.meters(), socket_path, config)
    if as_json:
        _print_json({"meters": meters})
    else:
        open_console().print(meters_table(meters))


@meter.command()
@meter_id_argument
@gateway_options
def show(meter_id: int, socket_path: Path | None, config: Path | None, as_json: bool) -> None:
    """Everything the gateway knows of one meter."""
    document = _ask(lambda client: client.meter(meter_id), socket_path, config)
    if as_json:
        _print_json(document)
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
    page = _ask(
        lambda client: client.readings(meter_id, limit=limit, after=after), socket_path, config
    )
    if as_json:
        _print_json(page)
    else:
        open_console().print(readings_table(page["readings"]))


def _ask(
    question: "Callable[[GatewayClient], Any]", socket_path: Path | None, config: Path | None
) -> Any:
    from weir_gateway.client import ClientError, GatewayClient

    client = GatewayClient(_socket(socket_path, config))
    try:
        return question(client)
    except ClientError as error:
        raise (Unreachable if error.is_unreachable else Failed)(str(error)) from error


def _socket(socket_path: Path | None, config: Path | None) -> Path:
    if socket_path is not None:
        return socket_path
    if config is not None:
        from weir_gateway.config import load
        from weir_gateway.errors import ConfigError

        try:
            return load(config).gateway.socket
        except ConfigError as error:
            raise Misused(str(error)) from error
    return Path(os.environ.get(SOCKET_VARIABLE) or SOCKET_DEFAULT)


def _print_json(document: Any) -> None:
    click.echo(json.dumps(document, indent=2))
