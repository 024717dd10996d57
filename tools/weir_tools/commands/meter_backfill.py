"""`weir meter gaps`, `backfill`, `backfills`: what is missing, and asking for it again."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from weir_tools import messages
from weir_tools.backfill_watch import watch
from weir_tools.errors import Different, Misused
from weir_tools.local_interface import ask, gateway_options, print_json
from weir_tools.meter_tables import backfills_table, gaps_table
from weir_tools.options import meter_id_argument, utc_time, whole_number
from weir_tools.quantities import moment, whole
from weir_tools.terminal import open_console

_LIMIT = 1000
_SEQUENCE = whole_number("a sequence", 0, 2**32 - 1)

Document = dict[str, Any]
Ask = Callable[[Callable[[Any], Any]], Any]


@click.command()
@meter_id_argument
@gateway_options
def gaps(meter_id: int, socket_path: Path | None, config: Path | None, as_json: bool) -> None:
    """What did not come in order.

    Ranges that are open, were closed late, or are lost; the newest first.
    """
    found = ask(lambda client: client.gaps(meter_id, limit=_LIMIT), socket_path, config)
    if as_json:
        print_json({"gaps": found})
    elif found:
        open_console().print(gaps_table(found))
    else:
        click.echo(messages.NO_GAPS.format(meter_id=meter_id))


@click.command()
@meter_id_argument
@gateway_options
def backfills(meter_id: int, socket_path: Path | None, config: Path | None, as_json: bool) -> None:
    """What a meter was asked for again.

    Each request and how far it is; the newest first.
    """
    found = ask(lambda client: client.backfills(meter_id), socket_path, config)
    if as_json:
        print_json({"backfills": found})
    elif found:
        open_console().print(backfills_table(found))
    else:
        click.echo(messages.NO_BACKFILLS.format(meter_id=meter_id))


@click.command()
@meter_id_argument
@click.option("--from", "from_time", metavar="TIME", callback=utc_time, help="Not before this.")
@click.option("--to", "to_time", metavar="TIME", callback=utc_time, help="Not after this.")
@click.option("--first", metavar="SEQUENCE", callback=_SEQUENCE, help="From this record on.")
@click.option("--last", metavar="SEQUENCE", callback=_SEQUENCE, help="Up to this record.")
@click.option("--wait/--no-wait", default=True, help="Show progress until it is finished.  [wait]")
@gateway_options
def backfill(
    meter_id: int,
    wait: bool,
    socket_path: Path | None,
    config: Path | None,
    as_json: bool,
    **bounds: Any,
) -> None:
    """Ask a meter for records again.

    All it has, or a range by time or sequence, held or not. Records that are held stay as they
    are; what is missing is filled in. The meter is asked when it calls next, and the request
    stands until all has come or is known to be lost.
    """
    wish = _wish(**bounds)

    def ask_gateway(question: Callable[[Any], Any]) -> Any:
        return ask(question, socket_path, config)

    made = ask_gateway(lambda client: client.backfill(meter_id, wish))
    if not as_json:
        _introduce(made, ask_gateway)
    ended = _follow(made, ask_gateway, is_quiet=as_json) if wait else made
    if as_json:
        print_json(ended)
    elif ended["state"] == "finished":
        click.echo(messages.BACKFILL_DONE.format(**ended))
    else:
        click.echo(messages.BACKFILL_STANDS.format(meter_id=meter_id))
    _complain(ended)


def _wish(
    from_time: str | None, to_time: str | None, first: int | None, last: int | None
) -> Document:
    times = {"from": from_time, "to": to_time}
    sequences = {"first_sequence": first, "last_sequence": last}
    if any(one is not None for one in times.values()):
        if any(one is not None for one in sequences.values()):
            raise Misused(messages.TIMES_OR_SEQUENCES)
        return times
    return sequences


def _introduce(made: Document, ask_gateway: Ask) -> None:
    """Say what was asked for, and when the meter will probably be heard."""
    click.echo(
        messages.BACKFILL_MADE.format(
            number=made["number"],
            meter_id=made["meter_id"],
            first=made["first_sequence"],
            last=made["last_sequence"],
            epoch=made["epoch"],
            count=f"{whole(made['asked'])} readings",
        )
    )
    meter = ask_gateway(lambda client: client.meter(made["meter_id"]))
    last_seen = datetime.fromisoformat(meter["last_seen"])
    expected = last_seen + timedelta(seconds=meter["state"]["send_interval_s"])
    is_overdue = datetime.fromisoformat(made["made_at"]) > expected
    sentence = messages.OVERDUE if is_overdue else messages.EXPECTED
    times = {"last_seen": moment(meter["last_seen"]), "expected": moment(expected.isoformat())}
    click.echo(sentence.format(**times))


def _follow(made: Document, ask_gateway: Ask, *, is_quiet: bool) -> Document:
    meter_id, number = made["meter_id"], made["number"]
    newest = made

    def progress() -> Document:
        nonlocal newest
        answer: Document = ask_gateway(lambda client: client.backfill_progress(meter_id, number))
        newest = answer
        return answer

    try:
        return watch(progress, is_quiet=is_quiet)
    except KeyboardInterrupt:
        if is_quiet:
            print_json(newest)
        click.echo(messages.BACKFILL_STANDS.format(meter_id=meter_id), err=True)
        raise


def _complain(ended: Document) -> None:
    """End with the code of a difference when the meter did not return what is held."""
    if ended["conflicts"]:
        named = ", ".join(ended["conflicting"])
        count = whole(ended["conflicts"])
        raise Different(messages.BACKFILL_CONFLICTS.format(count=count, named=named))
    if ended["lost"]:
        count = whole(ended["lost"])
        raise Different(messages.BACKFILL_LOST.format(meter_id=ended["meter_id"], count=count))
