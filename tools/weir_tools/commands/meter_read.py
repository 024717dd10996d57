"""`weir meter read`, `reads`, `check` and `checks`: a reading at any moment, beside the dial."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from weir_gateway.request_fields import NAME_MAX, NOTE_MAX
from weir_tools import messages
from weir_tools.errors import Failed
from weir_tools.local_interface import ask, gateway_options, print_json
from weir_tools.options import FiniteRange, dial_text, meter_id_argument, one_line
from weir_tools.quantities import moment
from weir_tools.read_tables import check_table, checks_table, read_table, reads_table
from weir_tools.terminal import open_console
from weir_tools.user import user_name

WAIT_OPEN_S = 10.0
"""How long an answer is waited for on an open link; it takes a second or two."""

POLL_S = 0.1
_WAIT_S_MAX = 31 * 86_400.0
_SETTLED = ("answered", "expired")

Document = dict[str, Any]
Ask = Callable[[Callable[[Any], Any]], Any]

wait_option = click.option(
    "--wait",
    "wait_s",
    type=FiniteRange(0, _WAIT_S_MAX),
    metavar="S",
    help="Wait for the answer at most so many seconds.  "
    f"[{WAIT_OPEN_S:g} while a link to the meter is open, else 0]",
)
by_option = click.option(
    "--by",
    metavar="NAME",
    default=user_name,
    callback=one_line(NAME_MAX),
    help="Who asks; it is kept with the request.  [the user of this terminal]",
)


@click.command()
@meter_id_argument
@wait_option
@by_option
@gateway_options
def read(
    meter_id: int,
    wait_s: float | None,
    by: str,
    socket_path: Path | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Read a meter now.

    Register, flow, pressure and battery, measured when the meter hears the request: within
    seconds on an open link, else in its next receive window. The request stands until then.
    """

    def ask_gateway(question: Callable[[Any], Any]) -> Any:
        return ask(question, socket_path, config)

    newest = _read(meter_id, wait_s, by, ask_gateway)
    if as_json:
        print_json(newest)
    elif newest["reading"] is not None:
        open_console().print(read_table(newest["reading"]))
    else:
        _tell_standing(newest)
    if wait_s and newest["reading"] is None:
        raise Failed(messages.READ_NOT_ANSWERED.format(meter_id=meter_id, wait_s=wait_s))


@click.command()
@meter_id_argument
@gateway_options
def reads(meter_id: int, socket_path: Path | None, config: Path | None, as_json: bool) -> None:
    """What a meter was asked to read, and what was triggered at it.

    Each with what became of it; the newest first.
    """
    found = ask(lambda client: client.reads(meter_id), socket_path, config)
    if as_json:
        print_json({"reads": found})
    elif found:
        open_console().print(reads_table(found))
    else:
        click.echo(messages.NO_READS.format(meter_id=meter_id))


@click.command()
@meter_id_argument
@click.option(
    "--dial",
    metavar="M3",
    required=True,
    callback=dial_text,
    help="What the dial shows, as 123.456.",
)
@click.option(
    "--note",
    metavar="TEXT",
    callback=one_line(NOTE_MAX),
    help="What else there is to say; it is kept with it.",
)
@wait_option
@by_option
@gateway_options
def check(
    meter_id: int,
    dial: str,
    note: str | None,
    wait_s: float | None,
    by: str,
    socket_path: Path | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Compare a meter with its dial, and record the difference.

    The meter is read now, as `weir meter read` does; if it does not answer, its newest register
    is taken, and the check says of when that is. The register is forward less reverse volume.
    """

    def ask_gateway(question: Callable[[Any], Any]) -> Any:
        return ask(question, socket_path, config)

    _read(meter_id, wait_s, by, ask_gateway)
    wish = {"dial_m3": dial, "note": note, "by": by}
    made = ask_gateway(lambda client: client.check(meter_id, wish))
    if as_json:
        print_json(made)
    else:
        open_console().print(check_table(made))


@click.command()
@meter_id_argument
@gateway_options
def checks(meter_id: int, socket_path: Path | None, config: Path | None, as_json: bool) -> None:
    """How far a meter was from its dial at each check; the newest first."""
    found = ask(lambda client: client.checks(meter_id), socket_path, config)
    if as_json:
        print_json({"checks": found})
    elif found:
        open_console().print(checks_table(found))
    else:
        click.echo(messages.NO_CHECKS.format(meter_id=meter_id))


def _read(meter_id: int, wait_s: float | None, by: str, ask_gateway: Ask) -> Document:
    """Ask for a reading; return the request as it is once it is settled, or the wait over."""
    newest: Document = ask_gateway(lambda client: client.read(meter_id, by=by))
    if wait_s is None:
        wait_s = WAIT_OPEN_S if newest["link_open"] else 0.0
    number = newest["number"]
    ends_at_s = time.monotonic() + wait_s
    try:
        while newest["state"] not in _SETTLED and time.monotonic() < ends_at_s:
            time.sleep(POLL_S)
            newest = ask_gateway(lambda client: client.read_progress(meter_id, number))
    except KeyboardInterrupt:
        click.echo(messages.READ_STANDS.format(meter_id=meter_id), err=True)
        raise
    return newest


def _tell_standing(read: Document) -> None:
    if read["expected_at"] is None:
        click.echo(messages.READ_UNKNOWN_WHEN.format(meter_id=read["meter_id"]))
    else:
        when = moment(read["expected_at"])
        click.echo(messages.READ_EXPECTED.format(meter_id=read["meter_id"], when=when))
    click.echo(messages.READ_STANDS.format(meter_id=read["meter_id"]))
