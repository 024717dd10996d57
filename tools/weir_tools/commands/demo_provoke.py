"""`weir demo provoke`: do something to a meter of the demo that runs in another terminal."""

from pathlib import Path

import click

from weir_tools.demo.plan import METERS


@click.command()
@click.argument(
    "what",
    metavar="WHAT",
    type=click.Choice(["reverse-flow", "cover", "magnet", "cable", "trigger"]),
)
@click.option(
    "--meter",
    "meter_id",
    metavar="ID",
    type=int,
    default=METERS[0].meter_id,
    show_default=True,
    help="The meter to do it to.",
)
@click.option(
    "--demo",
    "folder",
    metavar="FOLDER",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the demo's sockets are, when several demos run; it shows the path.",
)
@click.option("--end", is_flag=True, help="End it: let the water flow forwards, close the cover.")
def provoke(what: str, meter_id: int, folder: Path | None, *, end: bool) -> None:
    """Do something to a meter of the running demo, so that it raises an alarm.

    WHAT is one of these.

    reverse-flow: its water flows backwards. cover: it is opened. magnet: a strong one is put
    beside it. cable: its pulse cable is cut. All of these last until the same with --end.
    trigger: somebody asks for a reading at the meter; that has no end.
    """
    from weir_tools.demo.bench_door import Act
    from weir_tools.demo.bench_door import provoke as ask

    click.echo(ask(Act(what), meter_id, is_beginning=not end, folder=folder))
