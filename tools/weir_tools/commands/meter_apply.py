"""`weir meter apply`: the settings of many meters, from a file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from weir_tools import messages
from weir_tools.commands.meter_settings import change_options, make_wish
from weir_tools.errors import Failed, Misused, Unreachable
from weir_tools.fleet_file import Fleet, read_fleet
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
    known = _known_meters(fleet, ask_gateway, is_technician=options["technician"])
    wishes = {
        meter_id: make_wish(settings, options)
        for meter_id, settings in fleet.settings_of(known).items()
    }
    results = _try_all(fleet, wishes, ask_gateway)
    if not options["dry_run"]:
        results = [_set(one, wishes[one["meter_id"]], ask_gateway) for one in results]
    _tell(results, dry_run=options["dry_run"], as_json=as_json)


def _known_meters(fleet: Fleet, ask_gateway: Ask, *, is_technician: bool) -> set[int]:
    """Return the meters that there are. Raise Misused with all that is wrong in the file."""
    faults = list(fleet.faults)
    restricted = [] if is_technician else fleet.for_technicians()
    if restricted:
        faults.append(f"{'; '.join(restricted)}: {messages.FLEET_TECHNICIAN}")
    if fleet.is_empty and not faults:
        faults.append(messages.FLEET_EMPTY.format(path=fleet.file.path))
    known: set[int] = set()
    try:
        known = {one["meter_id"] for one in ask_gateway(lambda client: client.meters())}
    except Unreachable:
        if not faults:
            raise
    else:
        faults += fleet.strangers(known)
    if faults:
        raise Misused("\n".join(faults))
    return known


def _try_all(fleet: Fleet, wishes: dict[int, Document], ask_gateway: Ask) -> list[Document]:
    """Have every change judged. Raise Failed with all that is refused."""
    results: list[Document] = []
    refusals = []
    for meter_id, wish in wishes.items():
        try:
            results.append(_ask_for(meter_id, wish | {"dry_run": True}, ask_gateway))
        except (Failed, Misused) as refusal:
            text = messages.FLEET_REFUSED.format(
                path=fleet.file.path,
                places=fleet.places_of(meter_id),
                meter_id=meter_id,
                why=refusal,
            )
            refusals.append(text)
    if refusals:
        raise Failed("\n".join([*refusals, messages.FLEET_NOTHING]))
    return results


def _set(trial: Document, wish: Document, ask_gateway: Ask) -> Document:
    """Make the change that was tried; one that changes nothing is as it was tried."""
    if trial["is_new"]:
        return _ask_for(trial["meter_id"], wish, ask_gateway)
    return trial | {"dry_run": False}


def _ask_for(meter_id: int, wish: Document, ask_gateway: Ask) -> Document:
    result: Document = ask_gateway(lambda client: client.set(meter_id, wish))
    return result


def _tell(results: list[Document], *, dry_run: bool, as_json: bool) -> None:
    changed = [one for one in results if one["is_new"]]
    if as_json:
        print_json({"dry_run": dry_run, "meters": results})
        return
    if changed:
        open_console().print(fleet_table(changed, dry_run=dry_run))
    text = messages.FLEET_DRY if dry_run else messages.FLEET_DONE
    verb = messages.FLEET_WOULD_CHANGE if dry_run else messages.FLEET_CHANGED
    same = _counted(len(results) - len(changed), messages.FLEET_SAME)
    click.echo(text.format(changed=_counted(len(changed), verb), same=same))


def _counted(count: int, forms: tuple[str, str]) -> str:
    """forms: for one, and for any other number."""
    return forms[count != 1].format(count=count)
