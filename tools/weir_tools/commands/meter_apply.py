"""`weir meter apply`: the settings of many meters, from a file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from weir_tools import messages
from weir_tools.commands.meter_settings import change_options, make_wish
from weir_tools.errors import Failed, Misused
from weir_tools.fleet_file import read_fleet
from weir_tools.local_interface import ask, gateway_options, print_json
from weir_tools.settings_tables import fleet_table
from weir_tools.terminal import open_console

Document = dict[str, Any]
Ask = Callable[[Callable[[Any], Any]], Any]


@click.command(short_help="Change settings of many meters, from a file.")
@click.argument("file", type=click.Path(path_type=Path))
@change_options
@gateway_options
def apply(
    file: Path, socket_path: Path | None, config: Path | None, as_json: bool, **options: Any
) -> None:
    """Change settings of many meters, from a file.

    FILE is TOML: [defaults] for every meter of the gateway, [groups.NAME] with `meters = [...]`,
    and [meters.ID]; the last is the strongest. What a meter is set to already makes no new
    version. If one of the meters cannot be given its settings, nothing is changed at any.
    """

    def ask_gateway(question: Callable[[Any], Any]) -> Any:
        return ask(question, socket_path, config)

    fleet = read_fleet(file)
    known = {one["meter_id"] for one in ask_gateway(lambda client: client.meters())}
    strangers = sorted(fleet.named_meters - known)
    if strangers:
        raise Misused(messages.FLEET_UNKNOWN.format(path=file, meters=_list(strangers)))
    wishes = {
        meter_id: make_wish(settings, options)
        for meter_id, settings in fleet.settings_of(known).items()
    }
    results = _try_all(wishes, ask_gateway)
    if not options["dry_run"]:
        results = [_set(one, wishes[one["meter_id"]], ask_gateway) for one in results]
    _tell(results, dry_run=options["dry_run"], as_json=as_json)


def _try_all(wishes: dict[int, Document], ask_gateway: Ask) -> list[Document]:
    """Have every change judged. Raise Failed with all that is refused."""
    results: list[Document] = []
    refusals = []
    for meter_id, wish in wishes.items():
        try:
            results.append(_ask_for(meter_id, wish | {"dry_run": True}, ask_gateway))
        except (Failed, Misused) as refusal:
            refusals.append(messages.FLEET_REFUSED.format(meter_id=meter_id, why=refusal))
    if refusals:
        raise Failed(" ".join([*refusals, messages.FLEET_NOTHING]))
    return results


def _set(trial: Document, wish: Document, ask_gateway: Ask) -> Document:
    return _ask_for(trial["meter_id"], wish, ask_gateway) if trial["is_new"] else trial


def _ask_for(meter_id: int, wish: Document, ask_gateway: Ask) -> Document:
    result: Document = ask_gateway(lambda client: client.set(meter_id, wish))
    return result


def _tell(results: list[Document], *, dry_run: bool, as_json: bool) -> None:
    changed = [one for one in results if one["is_new"]]
    if as_json:
        print_json({"dry_run": dry_run, "meters": results})
        return
    if changed:
        open_console().print(fleet_table(changed))
    text = messages.FLEET_DRY if dry_run else messages.FLEET_DONE
    click.echo(text.format(changed=len(changed), same=len(results) - len(changed)))


def _list(meter_ids: list[int]) -> str:
    return ", ".join(str(one) for one in meter_ids)
