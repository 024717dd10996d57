"""The measurement as JSON and as a table."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from weir_tools.alarm_bench.measurement import ALARM, READ, Outcome, Times
from weir_tools.terminal import open_console

WHAT = {
    ALARM: "a cover is opened, until a subscriber of the broker has the event",
    READ: "a reading is asked for, until a subscriber of the broker has it",
}


def as_json(outcomes: Mapping[str, Outcome]) -> dict[str, Any]:
    """What `weir bench alarm --json` prints; docs/commands.md explains each key."""
    document: dict[str, Any] = {}
    if ALARM in outcomes:
        document = _section(outcomes[ALARM], ALARM)
    if READ in outcomes:
        document["reads"] = _section(outcomes[READ], READ)
    return document


def show(outcomes: Mapping[str, Outcome]) -> None:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("what", "link"):
        table.add_column(heading)
    for heading in ("count", "median s", "p99 s", "max s"):
        table.add_column(heading, justify="right")
    for what, outcome in outcomes.items():
        for kind, times in (*outcome.by_kind.items(), ("all", outcome.all)):
            figures = (f"{one:.3f}" for one in (times.median_s, times.p99_s, times.max_s))
            table.add_row(what, kind, str(len(times.seconds)), *figures)
    open_console().print(table)


def _section(outcome: Outcome, what: str) -> dict[str, Any]:
    links = {kind: _figures(times) for kind, times in outcome.by_kind.items()}
    return {"what": WHAT[what], **_figures(outcome.all), "links": links}


def _figures(times: Times) -> dict[str, Any]:
    return {
        "count": len(times.seconds),
        "median_s": round(times.median_s, 4),
        "p99_s": round(times.p99_s, 4),
        "max_s": round(times.max_s, 4),
    }
