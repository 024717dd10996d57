"""`weir bench custody` for people: a line for each world, the totals, and what was broken."""

from rich.table import Table

from weir_tools.terminal import open_console
from weir_tools.virtual.bench import Custody

_BROKEN_MAX = 20
_COLUMNS = (
    "seed",
    "meters",
    "days",
    "taken",
    "stored",
    "lost, named",
    "asked",
    "cuts",
    "kills",
    "trace",
)


def show(custody: Custody) -> None:
    console = open_console()
    console.print(_table(custody))
    taken, stored = custody.total("readings_taken"), custody.total("stored")
    console.print(
        f"[bold]{taken:,}[/bold] readings taken: [bold]{stored:,}[/bold] stored and "
        f"{custody.total('lost_named'):,} named lost, {custody.total('lost_unnamed')} lost "
        f"unnamed. {custody.total('published'):,} published, {custody.total('repeats'):,} repeats "
        f"under the same id, {custody.total('duplicates')} duplicates."
    )
    console.print(
        f"{custody.world_cuts + custody.ring_cuts:,} power cuts ({custody.world_cuts:,} in the "
        f"worlds, {custody.ring_cuts:,} in the ring workload), {custody.total('kills')} kills of "
        f"the gateway, {custody.total('frames'):,} frames, "
        f"{custody.total('backfills'):,} requests for holes, in {custody.wall_s:.1f} s."
    )
    _show_doings(custody)
    _show_broken(custody)


def _show_doings(custody: Custody) -> None:
    """Say what came of events, of changes of settings, and of readings that were asked for."""
    console, changes = open_console(), custody.changes
    console.print(
        f"[bold]{custody.total_events('taken'):,}[/bold] events: "
        f"{custody.total_events('stored'):,} stored and "
        f"{custody.total_events('lost_named'):,} named lost, "
        f"{custody.total_events('lost_unnamed')} lost unnamed. "
        f"{custody.total('events_published'):,} published, "
        f"{custody.total('event_repeats'):,} repeats under the same id."
    )
    states = ", ".join(f"{count:,} {state.replace('_', ' ')}" for state, count in changes.items())
    console.print(
        f"[bold]{changes.total():,}[/bold] changes of settings{': ' if states else ''}{states}. "
        f"[bold]{custody.total('reads_asked'):,}[/bold] readings asked for, "
        f"{custody.total('reads_answered'):,} answered."
    )


def _table(custody: Custody) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in _COLUMNS:
        table.add_column(heading, justify="left" if heading == "trace" else "right", no_wrap=True)
    for outcome in custody.outcomes:
        scenario = outcome.scenario
        table.add_row(
            str(scenario.seed),
            str(scenario.meters),
            f"{scenario.days:g}",
            f"{outcome.readings_taken:,}",
            f"{outcome.stored:,}",
            f"{outcome.lost_named:,}",
            f"{outcome.backfills:,}",
            f"{outcome.power_cuts:,}",
            str(outcome.kills),
            outcome.trace,
        )
    return table


def _show_broken(custody: Custody) -> None:
    console = open_console()
    broken = custody.broken()
    for sentence in broken[:_BROKEN_MAX]:
        console.print(f"[red]broken[/red]  {sentence}", markup=True)
    if len(broken) > _BROKEN_MAX:
        console.print(f"... and {len(broken) - _BROKEN_MAX} more")
    for outcome in custody.outcomes:
        if outcome.violations:
            console.print(f"Run it again: [bold]{outcome.scenario.command()}[/bold]")
            meter_id = outcome.violations[0].meter_id
            for line in outcome.excerpts.get(meter_id, ()):
                console.print(f"  {line}", markup=False)
