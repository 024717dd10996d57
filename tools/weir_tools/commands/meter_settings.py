"""`weir meter set` and `weir meter config`: what a meter is to do, and what it does."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from weir_gateway.request_fields import NAME_MAX
from weir_tools import messages
from weir_tools.errors import Failed, Unreachable
from weir_tools.local_interface import ask, gateway_options, print_json
from weir_tools.options import duration_s, meter_id_argument, one_line
from weir_tools.quantities import moment
from weir_tools.settings_tables import (
    PROVISIONED,
    differences_table,
    history_table,
    reason_text,
    value_text,
    values_table,
)
from weir_tools.terminal import open_console
from weir_tools.user import user_name

POLL_S = 0.3
OPEN = ("pending", "sent")

Document = dict[str, Any]
Ask = Callable[[Callable[[Any], Any]], Any]
Command = Callable[..., None]


class _WithSettings(click.Command):
    """Shows every setting behind its options."""

    def format_epilog(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from weir_protocol.setting import Role
        from weir_protocol.setting_text import allowed, written
        from weir_protocol.settings_table import GROUPS

        for group in GROUPS:
            with formatter.section(group.title):
                rows = []
                for one in group.settings:
                    ends = "; --technician" if one.role is Role.TECHNICIAN else ""
                    takes = f"{allowed(one)} [{written(one, one.default)}{ends}]"
                    rows.append((one.name, f"{takes}. {one.meaning}"))
                formatter.write_dl(rows)


def change_options(command: Command) -> Command:
    """The options of a change, for one meter or for many."""
    for option in (
        click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing."),
        click.option(
            "--by",
            metavar="NAME",
            callback=one_line(NAME_MAX),
            help="Who changes it.  [the user of this terminal]",
        ),
        click.option(
            "--expires",
            "expires_s",
            metavar="TIME",
            callback=duration_s,
            help="Give it up if the meter has not taken it within this time, as 12h or 7d.",
        ),
        click.option("--force", is_flag=True, help="Take it although the battery would not last."),
        click.option(
            "--technician",
            is_flag=True,
            help="Allow what alters the meaning of the register: for who has seen the meter.",
        ),
    ):
        command = option(command)
    return command


@click.command("set", cls=_WithSettings, short_help="Change settings of a meter.")
@meter_id_argument
@click.argument("assignments", metavar="SETTING=VALUE...", nargs=-1, required=True)
@change_options
@click.option("--wait", is_flag=True, help="Follow it until the meter has applied or refused it.")
@gateway_options
def set_settings(
    meter_id: int,
    assignments: tuple[str, ...],
    wait: bool,
    socket_path: Path | None,
    config: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Change settings of a meter.

    The change becomes a new version, which waits for the meter and is applied whole or refused
    whole. VALUE is a number, with its unit or without, `on` or `off`, or the word of a choice;
    `provisioned` takes a setting back to what the meter had from the beginning.
    """

    def ask_gateway(question: Callable[[Any], Any]) -> Any:
        return ask(question, socket_path, config)

    wish = make_wish(_read(assignments), options)
    result: Document = ask_gateway(lambda client: client.set(meter_id, wish))
    if not as_json:
        tell_result(result)
    if wait and result["change"] is not None and not options["dry_run"]:
        result["change"] = _follow(meter_id, result["change"], ask_gateway, as_json)
    if as_json:
        print_json(result)
    if wait:
        _judge(result["change"])


@click.command("config", short_help="What is desired and in force of a meter's settings.")
@meter_id_argument
@gateway_options
def config_of_meter(
    meter_id: int, socket_path: Path | None, config: Path | None, as_json: bool
) -> None:
    """What a meter is to be set to, what is in force, and its history."""
    found = ask(lambda client: client.config(meter_id), socket_path, config)
    if as_json:
        print_json(found)
        return
    click.echo(_headline(found))
    if found["pending"] is not None:
        click.echo(_waiting(found["pending"]))
    console = open_console()
    if found["values"]:
        console.print(values_table(found["values"]))
    if found["history"]:
        console.print()
        console.print(history_table(found["history"]))


def make_wish(settings: Document, options: Document) -> Document:
    """Return the fields of a request for a change."""
    wish: Document = {"settings": settings, "by": options["by"] or user_name()}
    for name in ("force", "technician", "dry_run", "expires_s"):
        if options[name]:
            wish[name] = options[name]
    return wish


def tell_result(result: Document) -> None:
    """Say what a request led to, without waiting for the meter."""
    change, meter_id = result["change"], result["meter_id"]
    if not result["is_new"]:
        state = messages.SET_AS_PROVISIONED
        if change is not None:
            state = messages.SET_STATE.format(version=change["version"], state=change["state"])
        click.echo(messages.SET_ALREADY.format(meter_id=meter_id, state=state))
        return
    if result["dry_run"]:
        click.echo(messages.SET_DRY.format(meter_id=meter_id))
    else:
        click.echo(
            messages.SET_MADE.format(
                meter_id=meter_id, version=change["version"], state=change["state"]
            )
        )
    if result["differences"]:
        open_console().print(differences_table(result["differences"]))
    click.echo(messages.SET_BATTERY.format(**result["battery_years"]))
    if result["expected_at"] is not None and not result["dry_run"]:
        click.echo(messages.SET_EXPECTED.format(when=moment(result["expected_at"])))


def _read(assignments: tuple[str, ...]) -> Document:
    settings: Document = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not name or not equals:
            raise click.BadParameter(messages.NOT_AN_ASSIGNMENT.format(text=assignment))
        if name in settings:
            raise click.BadParameter(messages.SETTING_TWICE.format(name=name))
        settings[name] = None if value == PROVISIONED else value
    return settings


def _follow(meter_id: int, change: Document, ask_gateway: Ask, quiet: bool) -> Document:
    """Follow a change until it is not open any more, telling each state."""
    number, told = change["number"], change["state"]
    while change["state"] in OPEN:
        time.sleep(POLL_S)
        try:
            change = ask_gateway(lambda client: client.change(meter_id, number))
        except Unreachable:
            continue  # it is kept in the gateway's database, and so is what becomes of it
        if change["state"] != told and not quiet:
            told = change["state"]
            click.echo(messages.SET_NOW.format(version=change["version"], state=told))
    return change


def _judge(change: Document | None) -> None:
    """Raise Failed with the reason when a change ended otherwise than applied."""
    if change is None or change["state"] in ("applied", *OPEN):
        return
    if change["state"] == "refused":
        why = "; ".join(reason_text(*reason) for reason in (change["reasons"] or {}).items())
        raise Failed(messages.SET_REFUSED.format(meter_id=change["meter_id"], why=why))
    raise Failed(messages.SET_ENDED[change["state"]].format(meter_id=change["meter_id"]))


def _headline(config: Document) -> str:
    reported = config["reported"]
    if reported is None:
        return messages.CONFIG_UNHEARD.format(meter_id=config["meter_id"])
    text = messages.CONFIG_STATE[config["state"]]
    version = reported["version"] or messages.CONFIG_PROVISIONED
    return text.format(meter_id=config["meter_id"], version=version)


def _waiting(change: Document) -> str:
    settings = ", ".join(
        f"{name}={value_text(name, value)}" for name, value in change["settings"].items()
    )
    return messages.CONFIG_WAITING[change["state"]].format(
        version=change["version"],
        since=moment(change["sent_at"] or change["made_at"]),
        by=change["by"],
        settings=settings,
    )
