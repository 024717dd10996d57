"""`weir gateway`: run the gateway."""

import os
import signal
import sys
import threading
from pathlib import Path

import click


@click.command()
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
def gateway(config: Path, stop_on_eof: bool) -> int:
    """Run the gateway until it is told to stop (SIGTERM or Ctrl-C)."""
    from weir_gateway.app import run

    if stop_on_eof:
        threading.Thread(target=_stop_on_eof, daemon=True).start()
    return run(config)


def _stop_on_eof() -> None:
    """Without the interpreter's own buffer, whose lock would be held when it shuts down."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
