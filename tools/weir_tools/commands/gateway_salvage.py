"""`weir gateway salvage`: take over what a damaged database still has."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from weir_tools import messages
from weir_tools.errors import Different, Failed, Misused
from weir_tools.local_interface import print_json
from weir_tools.terminal import open_console

if TYPE_CHECKING:
    from weir_gateway.salvage.report import SalvageDocument

_CONFLICTS_SHOWN = 10


@click.command()
@click.argument("damaged", metavar="OLD", type=click.Path(path_type=Path))
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The configuration of the gateway that gets the readings.  [gateway.toml]",
)
@click.option("--dry-run", is_flag=True, help="Tell what would be done, and do nothing.")
@click.option(
    "--acknowledge",
    "only_acknowledge",
    is_flag=True,
    help="Read nothing; end the alarm about OLD, also while the gateway runs.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
@click.pass_context
def salvage(
    context: click.Context,
    damaged: Path,
    config: Path | None,
    dry_run: bool,
    only_acknowledge: bool,
    as_json: bool,
) -> None:
    """Take over what can still be read of the damaged database OLD.

    OLD itself is only read. What the database in use holds is never overwritten. The gateway must
    not run. Exit code 4 says that something in OLD could not be read, or is
    damaged.
    """
    database = _database(config or _config_before(context))
    if only_acknowledge:
        _acknowledge(damaged, database)
        return
    document = _salvage(damaged, database, dry_run)
    if as_json:
        print_json(document)
    else:
        _show(document)
    if not document["whole"]:
        in_part = any(one["unreadable"] or one["unsound"] for one in document["tables"])
        text = messages.SALVAGED_IN_PART if in_part else messages.SALVAGED_DAMAGED
        raise Different(text.format(path=damaged, why=document["integrity"]))


def _config_before(context: click.Context) -> Path:
    """The option where it stands before the sub-command, or its default."""
    assert context.parent is not None
    return Path(context.parent.params["config"])


def _database(config: Path) -> Path:
    from weir_gateway.config import load
    from weir_gateway.errors import ConfigError

    try:
        return load(config).gateway.database
    except ConfigError as error:
        raise Misused(str(error)) from error


def _acknowledge(damaged: Path, database: Path) -> None:
    from weir_gateway.errors import GatewayError
    from weir_gateway.salvage import acknowledge

    try:
        acknowledge(damaged, database)
    except GatewayError as error:
        raise Failed(str(error)) from error


def _salvage(damaged: Path, database: Path, dry_run: bool) -> "SalvageDocument":
    from weir_gateway.errors import GatewayError
    from weir_gateway.salvage import salvage as take_over

    try:
        return take_over(damaged, database, dry_run=dry_run).document()
    except GatewayError as error:
        raise Failed(str(error)) from error


def _show(document: "SalvageDocument") -> None:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("table")
    names = ("read", "unreadable", "unsound", "added", "present", "conflicts")
    for name in names:
        table.add_column(name, justify="right")
    for one in document["tables"]:
        counts = (one["read"], one["unreadable"], one["unsound"])
        results = (one["added"], one["present"], one["conflicts"])
        table.add_row(one["table"], *(f"{count:,}" for count in (*counts, *results)))
    open_console().print(table)
    for reading in document["conflicts"][:_CONFLICTS_SHOWN]:
        click.echo(messages.SALVAGE_CONFLICT.format(reading=reading))
    click.echo(messages.SALVAGE_MISSING.format(count=document["missing"]))
    if document["dry_run"]:
        click.echo(messages.SALVAGE_DRY)
