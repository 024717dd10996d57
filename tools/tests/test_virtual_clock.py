"""The clock of the whole meter in the virtual world: it drifts, and no interval suffers."""

from collections.abc import Mapping
from typing import Any

import pytest

from weir.schedule.timekeeper import Timekeeper
from weir_gateway.store.promise import Origin, Promise
from weir_protocol.records import Status
from weir_tools.virtual import world
from weir_tools.virtual.ledger import MeterBook
from weir_tools.virtual.scenario import Fault, Scenario


def books_of(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> list[MeterBook]:
    """Run a world in which nothing may be broken; return what its meters took."""
    found: list[MeterBook] = []

    def outcome(self: world.World) -> world.Outcome:
        found.extend(meter.book for meter in self.meters)
        return whole(self)

    whole = world.World.outcome
    monkeypatch.setattr(world.World, "outcome", outcome)
    assert world.run(scenario).violations == ()
    return found


def test_in_30_days_of_drift_every_interval_is_recorded_exactly_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scenario = Scenario(1, meters=1, days=30, faults=frozenset(), doings=frozenset())
    [book] = books_of(scenario, monkeypatch)
    times = [taken.values[0] for taken in book.in_order]
    assert len(times) >= 30 * 96
    assert times == [times[0] + 900 * step for step in range(len(times))]
    assert not any(taken.values[7] & Status.CLOCK_STEPPED for taken in book.in_order)


def test_a_time_worked_out_wrongly_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(self: Promise, origin: Origin, hello: Mapping[str, Any]) -> None:
        learn(self, origin, hello)
        if self.clock_offset_s is not None:
            self.clock_offset_s += 300

    learn = Promise.learn
    scenario = Scenario(3, meters=2, faults=frozenset({Fault.OUTAGES, Fault.POWER}))
    assert world.run(scenario).violations == ()
    monkeypatch.setattr(Promise, "learn", late)
    broken = world.run(scenario).violations
    assert any("as right to 24" in violation.what for violation in broken)


def test_a_clock_that_claims_more_than_it_keeps_is_told_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Timekeeper, "error_ms", lambda *_: 0)
    monkeypatch.setattr("weir.schedule.drift.Drift.follow", lambda *_: 0)
    broken = world.run(Scenario(1, meters=2, days=3, faults=frozenset())).violations
    assert any("as right to 0.5 s" in violation.what for violation in broken)
