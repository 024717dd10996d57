"""`weir alarms`: what is wrong now, what was, and that somebody has seen it."""

from pathlib import Path
from typing import Any

import click

from weir_gateway.request_fields import NAME_MAX, NOTE_MAX
from weir_tools import messages
from weir_tools.alarm_follow import follow_events
from weir_tools.alarm_tables import alarms_table
from weir_tools.local_interface import ask, gateway_options, print_json
from weir_tools.options import one_line, whole_number
from weir_tools.quantities import whole
from weir_tools.terminal import open_console
from weir_tools.user import user_name

_LIMIT = 1000
Document = dict[str, Any]


@click.group(invoke_without_command=True, no_args_is_help=False)
@click.option(
    "--meter",
    "meter_id",
    metavar="ID",
    callback=whole_number("a meter's number", 0, 2**32 - 1),
    help="Of this meter only.",
)
@click.option("--all", "past", is_flag=True, help=f"Those of the past too, up to {_LIMIT}.")
@click.option("--follow", is_flag=True, help="Then every event as it comes, until Ctrl-C.")
@gateway_options
@click.pass_context
def alarms(
    context: click.Context,
    meter_id: int | None,
    past: bool,
    follow: bool,
    socket_path: Path | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Show the active alarms of all meters, the newest first."""
    if context.invoked_subcommand is not None:
        return

    def ask_gateway(question: Any) -> Any:
        return ask(question, socket_path, config)

    begun = ask_gateway(lambda client: client.events(meter_id=meter_id, limit=0)) if follow else {}
    found = ask_gateway(
        lambda client: client.alarm_list(
            meter_id=meter_id, past=past, limit=_LIMIT if past else None
        )
    )
    if not as_json:
        _show(found, meter_id, past=past)
    elif not follow:
        print_json(found)
    if follow:
        follow_events(ask_gateway, meter_id, begun["next"], as_json=as_json)


def _show(found: Document, meter_id: int | None, *, past: bool) -> None:
    of_meter = "" if meter_id is None else f" of meter {meter_id}"
    if found["alarms"]:
        open_console().print(alarms_table(found["alarms"], past=past))
    else:
        sentence = messages.NO_ALARMS_EVER if past else messages.NO_ALARMS
        click.echo(sentence.format(of=of_meter))
    if count := found["missing_event_count"]:
        click.echo(messages.MISSING_EVENTS.format(count=whole(count), of=of_meter), err=True)


@alarms.command()
@click.argument("alarm", metavar="ALARM")
@click.option(
    "--note",
    required=True,
    metavar="TEXT",
    callback=one_line(NOTE_MAX),
    help="What is known or done about it.",
)
@click.option(
    "--by",
    metavar="NAME",
    callback=one_line(NAME_MAX),
    help="Who has seen it. [the user of this terminal]",
)
@gateway_options
def ack(
    alarm: str,
    note: str,
    by: str | None,
    socket_path: Path | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Say that an alarm was seen, and by whom.

    ALARM is its id as `weir alarms` shows it. The alarm stays active until what raised it is over.
    """
    name = by or user_name()
    told = ask(lambda client: client.acknowledge(alarm, by=name, note=note), socket_path, config)
    if as_json:
        print_json(told)
        return
    state = messages.STILL_ACTIVE if told["active"] else messages.CLEARED_ALREADY
    click.echo(messages.ACKNOWLEDGED.format(**told, by=name, state=state))
