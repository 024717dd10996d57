"""The measurement as JSON and in words."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from weir_tools.fairness_bench.measurement import Trial
from weir_tools.terminal import open_console


def as_json(trials: Sequence[Trial], *, meters: int, seconds: float) -> dict[str, Any]:
    """What `weir bench fairness --json` prints; docs/commands.md explains each key."""
    return {
        "meters": meters,
        "seconds": seconds,
        "floods": [
            {
                "kind": one.kind,
                "connections": one.connections,
                "quiet_median_ms": round(one.quiet.median_ms, 3),
                "quiet_p99_ms": round(one.quiet.p99_ms, 3),
                "flooded_median_ms": round(one.flooded.median_ms, 3),
                "flooded_p99_ms": round(one.flooded.p99_ms, 3),
                "factor": round(one.factor, 2),
                "acknowledgements": len(one.flooded.seconds),
            }
            for one in trials
        ],
        "factor_max": round(max(one.factor for one in trials), 2),
    }


def show(trials: Sequence[Trial]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("flood")
    for name in ("connections", "median ms", "flooded", "factor", "p99 ms", "flooded"):
        table.add_column(name, justify="right")
    for one in trials:
        medians = (f"{one.quiet.median_ms:.2f}", f"{one.flooded.median_ms:.2f}")
        tails = (f"{one.quiet.p99_ms:.1f}", f"{one.flooded.p99_ms:.1f}")
        table.add_row(one.kind, str(one.connections), *medians, f"{one.factor:.2f}", *tails)
    open_console().print(table)
