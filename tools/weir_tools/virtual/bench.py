"""Many worlds and the ring workload, side by side on all cores, and what came of them.

Import it after `weir_tools.firmware_on_host.make_importable`.
"""

import os
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

from weir_tools.virtual import ring_cuts, world
from weir_tools.virtual.scenario import Scenario

_SUMMED = (
    "readings_taken",
    "stored",
    "published",
    "repeats",
    "lost_named",
    "lost_unnamed",
    "duplicates",
    "events_published",
    "event_repeats",
    "reads_asked",
    "reads_answered",
    "kills",
    "pulses_vanished",
    "frames",
    "backfills",
    "commits",
    "events",
    "steps",
)


@dataclass(frozen=True, slots=True)
class Custody:
    """The outcomes of all worlds, in the order asked for, and of the ring workload."""

    outcomes: tuple[world.Outcome, ...]
    ring: tuple[ring_cuts.RingCuts, ...]
    wall_s: float

    @property
    def world_cuts(self) -> int:
        return sum(outcome.power_cuts for outcome in self.outcomes)

    @property
    def ring_cuts(self) -> int:
        return sum(one.cuts for one in self.ring)

    def total(self, name: str) -> int:
        return sum(getattr(outcome, name) for outcome in self.outcomes)

    def total_events(self, name: str) -> int:
        return sum(getattr(outcome.meter_events, name) for outcome in self.outcomes)

    @property
    def changes(self) -> Counter[str]:
        """Changes of settings, by their last state."""
        return sum((Counter(outcome.changes) for outcome in self.outcomes), Counter())

    def broken(self) -> list[str]:
        """Return a sentence for each broken promise: what, of which meter, how to see it again."""
        sentences = [
            f"seed {outcome.scenario.seed}, {_place(one.meter_id, one.sequence)}: {one.what}"
            for outcome in self.outcomes
            for one in outcome.violations
        ]
        return [*sentences, *(sentence for one in self.ring for sentence in one.broken)]


def run(scenarios: Sequence[Scenario], geometries: Sequence[ring_cuts.Geometry]) -> Custody:
    """Run everything on as many processes as there are cores; a single world in this one."""
    began_s = time.monotonic()
    if len(scenarios) == 1 and not geometries:
        return Custody((world.run(scenarios[0]),), (), time.monotonic() - began_s)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        worlds = [pool.submit(world.run, scenario) for scenario in scenarios]
        sweeps = [pool.submit(ring_cuts.sweep, geometry) for geometry in geometries]
        outcomes = tuple(future.result() for future in worlds)
        ring = tuple(future.result() for future in sweeps)
    return Custody(outcomes, ring, time.monotonic() - began_s)


def as_json(custody: Custody) -> dict[str, Any]:
    """What `weir bench custody --json` prints; docs/commands.md explains each key."""
    totals = {name: custody.total(name) for name in _SUMMED}
    return {
        **totals,
        "events_taken": custody.total_events("taken"),
        "events_stored": custody.total_events("stored"),
        "events_lost_named": custody.total_events("lost_named"),
        "events_lost_unnamed": custody.total_events("lost_unnamed"),
        "changes": dict(sorted(custody.changes.items())),
        "power_cuts": custody.world_cuts + custody.ring_cuts,
        "power_cuts_in_worlds": custody.world_cuts,
        "power_cuts_in_ring": custody.ring_cuts,
        "violations": custody.broken(),
        "wall_s": round(custody.wall_s, 1),
        "worlds": [_world_json(outcome) for outcome in custody.outcomes],
    }


def _world_json(outcome: world.Outcome) -> dict[str, Any]:
    scenario = outcome.scenario
    return {
        "seed": scenario.seed,
        "meters": scenario.meters,
        "days": scenario.days,
        "faults": sorted(scenario.faults),
        "doings": sorted(scenario.doings),
        "readings_taken": outcome.readings_taken,
        "stored": outcome.stored,
        "lost_named": outcome.lost_named,
        "backfills": outcome.backfills,
        "power_cuts": outcome.power_cuts,
        "kills": outcome.kills,
        "drain_s": round(outcome.drain_s),
        "trace": outcome.trace,
        "command": scenario.command(),
    }


def _place(meter_id: int, sequence: int | None) -> str:
    if meter_id == 0:
        return "the gateway"
    return f"meter {meter_id}" if sequence is None else f"meter {meter_id}, sequence {sequence}"
