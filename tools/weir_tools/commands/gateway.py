"""`weir gateway`: run the gateway, or have one that runs do something."""

import os
import signal
import sys
import threading
from pathlib import Path

import click
from click.core import ParameterSource

from weir_tools import messages
from weir_tools.commands.gateway_salvage import salvage
from weir_tools.local_interface import ask, gateway_options, print_json
from weir_tools.options import utc_time, whole_number


@click.group(invoke_without_command=True, no_args_is_help=False)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=Path("gateway.toml"),
    show_default=True,
    help="The configuration file; docs/operations.md explains each line.",
)
@click.option(
    "--stop-on-eof",
    is_flag=True,
    help="Stop when standard input closes, so that it ends with the program that started it.",
)
@click.pass_context
def gateway(context: click.Context, config: Path, stop_on_eof: bool) -> int:
    """Run the gateway until it is told to stop (SIGTERM or Ctrl-C)."""
    if context.invoked_subcommand is not None:
        return 0
    from weir_gateway.app import run

    if stop_on_eof:
        threading.Thread(target=_stop_on_eof, daemon=True).start()
    return run(config)


gateway.add_command(salvage)


@gateway.command()
@click.option(
    "--meter",
    "meter_id",
    metavar="ID",
    required=True,
    callback=whole_number("a meter's number", 0, 2**32 - 1),
    help="Whose readings.",
)
@click.option(
    "--from",
    "from_time",
    metavar="TIME",
    callback=utc_time,
    help='Not before this, "2026-03-01T00:00:00Z". [all]',
)
@click.option("--to", "to_time", metavar="TIME", callback=utc_time, help="Not after this. [all]")
@gateway_options
@click.pass_context
def replay(
    context: click.Context,
    meter_id: int,
    from_time: str | None,
    to_time: str | None,
    socket_path: Path | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Publish readings again that a broker or a consumer has lost."""
    answer = ask(
        lambda client: client.replay(meter_id, from_time=from_time, to_time=to_time),
        socket_path,
        config or _given_config(context),
    )
    if as_json:
        print_json(answer)
    else:
        click.echo(messages.REPLAYED.format(**answer))


def _given_config(context: click.Context) -> Path | None:
    """The option where it stands before the sub-command."""
    parent = context.parent
    if parent is None or parent.get_parameter_source("config") is ParameterSource.DEFAULT:
        return None
    return Path(parent.params["config"])


def _stop_on_eof() -> None:
    """Without the interpreter's own buffer, whose lock would be held when it shuts down."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
