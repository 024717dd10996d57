"""The virtual world: whatever goes wrong in it, no reading is lost and none is counted twice."""

import threading
import time

import pytest

from weir_gateway.counters import RejectCounters
from weir_gateway.custody import Custodian
from weir_tools.virtual.scenario import ALL_FAULTS, Fault, Scenario
from weir_tools.virtual.world import Outcome, run


def checked(scenario: Scenario) -> Outcome:
    """Run a world; fail with what was broken, where, and how to see it again."""
    outcome = run(scenario)
    broken = [f"meter {v.meter_id}, sequence {v.sequence}: {v.what}" for v in outcome.violations]
    assert not broken, "\n".join([*broken[:10], scenario.command()])
    assert outcome.stored + outcome.lost_named == outcome.readings_taken
    assert outcome.published >= outcome.stored  # a restored database may have lost some again
    return outcome


def test_in_peace_every_reading_is_stored_and_published_once() -> None:
    outcome = checked(Scenario(1, meters=3, faults=frozenset()))
    assert outcome.readings_taken >= 3 * 96
    assert outcome.stored == outcome.readings_taken
    assert outcome.repeats == 0


@pytest.mark.parametrize("fault", list(Fault))
def test_one_kind_of_fault_loses_nothing(fault: Fault) -> None:
    checked(Scenario(2, meters=3, faults=frozenset({fault})))


@pytest.mark.parametrize("seed", range(4))
def test_all_faults_together_lose_nothing(seed: int) -> None:
    outcome = checked(Scenario(seed, meters=4, days=1.5, faults=ALL_FAULTS))
    assert outcome.power_cuts
    assert outcome.kills
    assert outcome.backfills


def test_outages_in_bad_weather_leave_many_holes_to_ask_for() -> None:
    outcome = checked(
        Scenario(5, meters=4, days=4, faults=frozenset({Fault.WEATHER, Fault.OUTAGES}))
    )
    assert outcome.backfills >= 10


@pytest.mark.parametrize("clock", ["time", "monotonic", "perf_counter", "time_ns"])
def test_no_part_of_a_world_looks_at_the_clock_of_this_machine(
    clock: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, real = threading.get_ident(), getattr(time, clock)
    asked: list[str] = []

    def listen() -> float:
        if threading.get_ident() == world:
            asked.append(clock)
        return float(real())

    scenario = Scenario(2, meters=4, days=1.5, faults=ALL_FAULTS)
    with monkeypatch.context() as patched:
        patched.setattr(time, clock, listen)
        for made in (Custodian.__init__, RejectCounters.__init__):  # bound when they were made
            patched.setattr(made, "__defaults__", (listen,))
        outcome = run(scenario)
    assert outcome.backfills
    assert not outcome.violations
    assert asked == []


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 160))
def test_many_seeds_lose_nothing(seed: int) -> None:
    checked(Scenario(seed, meters=10, days=7))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(200, 204))
def test_a_hundred_meters_for_a_week_lose_nothing(seed: int) -> None:
    checked(Scenario(seed, meters=100, days=7))


@pytest.mark.soak
@pytest.mark.parametrize("fault", list(Fault))
def test_a_month_of_one_kind_of_fault_loses_nothing(fault: Fault) -> None:
    checked(Scenario(300, meters=10, days=30, faults=frozenset({fault})))
