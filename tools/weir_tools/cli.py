"""The `weir` command. A sub-command is loaded when it runs, so that help is there at once."""

import contextlib
import os
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import click

from weir_tools import messages
from weir_tools.errors import CommandError, ExitCode
from weir_tools.folders import log_folder

COMMANDS = {  # name: what `weir --help` says about it; weir_tools.commands.NAME has the rest
    "demo": "Watch three simulated meters arrive on MQTT through a gateway.",
    "gateway": "Run the gateway.",
    "meter": "Ask a running gateway about its meters.",
    "alarms": "Show and acknowledge alarms of all meters.",
    "simulate": "Run simulated meters fed with recorded flow.",
    "decode": "Explain a frame field by field.",
    "bench": "Measure what Weir does, on data that is named.",
}


class LazyGroup(click.Group):
    """Knows its sub-commands by name, and imports one only to run it or to show its own help."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(f"weir_tools.commands.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no gateway answers, "
    "4 a check found a difference, 130 interrupted.",
)
@click.version_option(package_name="weir", message="weir %(version)s")
def weir() -> None:
    """Weir, an open smart water-meter system."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code. No traceback leaves this function."""
    try:
        return _run(arguments)
    except (KeyboardInterrupt, click.Abort):
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        _close_stdout()
        return ExitCode.DONE
    except Exception as error:
        sentence, code = _in_one_sentence(error)
        with contextlib.suppress(OSError):
            click.echo(f"weir: {sentence}", err=True)
        return code


def _run(arguments: Sequence[str] | None) -> int:
    words = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    try:
        with weir.make_context("weir", words) as context:
            answer = weir.invoke(context)
    except click.exceptions.Exit as ending:  # after --help and --version
        answer = ending.exit_code
    sys.stdout.flush()  # a reader that has gone is noticed here, not at exit
    return int(answer or ExitCode.DONE)


def _in_one_sentence(error: Exception) -> tuple[str, ExitCode]:
    match error:
        case CommandError():
            return str(error), error.exit_code
        case click.UsageError():
            return _usage(error), ExitCode.MISUSED
        case click.ClickException():
            return error.format_message(), ExitCode.MISUSED
        case _:
            return _unexpected(error), ExitCode.FAILED


def _usage(error: click.UsageError) -> str:
    """One sentence where the framework would print three lines."""
    path = error.ctx.command_path if error.ctx is not None else "weir"
    reason = error.format_message().rstrip(".")
    return messages.WRONG_USAGE.format(reason=reason[:1].lower() + reason[1:], command=path)


def _unexpected(error: Exception) -> str:
    """Write the traceback to a file and say where it is."""
    now = datetime.now(UTC)
    log = log_folder() / f"weir-{now:%Y%m%dT%H%M%SZ}-{os.getpid()}.log"
    details = "".join(traceback.format_exception(error))
    return messages.UNEXPECTED.format(kind=type(error).__name__, log=_written(log, details))


def _written(log: Path, details: str) -> str:
    try:
        log.write_text(details)
    except OSError as error:
        return messages.LOG_NOT_WRITTEN.format(reason=error.strerror)
    return messages.LOG_WRITTEN.format(log=log)


def _close_stdout() -> None:
    """Keep the interpreter from complaining, at its end, of what it could not write."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
