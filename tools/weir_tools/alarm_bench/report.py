"""The measurement as JSON and as a table."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from weir_tools import messages
from weir_tools.alarm_bench.measurement import ALARM, READ, Outcome, Times
from weir_tools.quantities import NOTHING
from weir_tools.terminal import open_console

P99_S_MAX = 2.0
"""So soon the subscriber has 99 of 100 alarms on an open link."""

WHAT = {
    ALARM: "a meter is tampered with, until a subscriber of the broker has the event",
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
            figures = (_seconds(one) for one in (times.median_s, times.p99_s, times.max_s))
            table.add_row(what, kind, str(len(times.seconds)), *figures)
    open_console().print(table)


def faults(outcomes: Mapping[str, Outcome]) -> list[str]:
    """Return what breaks the promise of the bench: messages that never came, alarms too late."""
    found = []
    for what, outcome in outcomes.items():
        times = outcome.all
        count = len(times.seconds)
        if count < times.asked:
            found.append(messages.BENCH_MISSING.format(asked=times.asked, what=what, count=count))
    if ALARM in outcomes:
        p99_s = outcomes[ALARM].all.p99_s
        if p99_s is not None and p99_s > P99_S_MAX:
            found.append(messages.BENCH_SLOW.format(p99_s=p99_s, limit_s=P99_S_MAX))
    return found


def _section(outcome: Outcome, what: str) -> dict[str, Any]:
    links = {kind: _figures(times) for kind, times in outcome.by_kind.items()}
    return {"what": WHAT[what], **_figures(outcome.all), "links": links}


def _figures(times: Times) -> dict[str, Any]:
    return {
        "asked": times.asked,
        "count": len(times.seconds),
        "median_s": _rounded(times.median_s),
        "p99_s": _rounded(times.p99_s),
        "max_s": _rounded(times.max_s),
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)


def _seconds(seconds: float | None) -> str:
    return NOTHING if seconds is None else f"{seconds:.3f}"
