"""Asking a running gateway: the options that say which one, and the question itself."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weir_tools.errors import CommandError, Failed, Misused, Unreachable

if TYPE_CHECKING:
    from weir_gateway.client import GatewayClient

SOCKET_VARIABLE = "WEIR_SOCKET"
SOCKET_DEFAULT = Path("weir.sock")

_KINDS: dict[int | None, type[CommandError]] = {None: Unreachable, 400: Misused}
"""By the status of the answer: without one no gateway answers, and 400 is about the question."""

Command = Callable[..., None]


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


def ask(
    question: "Callable[[GatewayClient], Any]", socket_path: Path | None, config: Path | None
) -> Any:
    """Ask the gateway that the options name. Raise CommandError when it does not answer well."""
    from weir_gateway.client import ClientError, GatewayClient

    client = GatewayClient(_socket(socket_path, config))
    try:
        return question(client)
    except ClientError as error:
        raise _KINDS.get(error.status, Failed)(str(error)) from error


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


def print_json(document: Any) -> None:
    click.echo(json.dumps(document, indent=2))
