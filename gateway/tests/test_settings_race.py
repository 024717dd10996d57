"""A race of changes, resets, lost frames and rollbacks ends with one version in force (WL-SET)."""

import asyncio
from pathlib import Path

import pytest

from peers.settings_race import Race
from weir.settings import table_gen as g

WORLDS = 4
INTERLEAVINGS = 250  # in each world: 1,000 in all


@pytest.mark.parametrize("seed", range(WORLDS))
def test_whatever_the_order_one_version_is_in_force_on_both_sides_and_attested(
    seed: int, tmp_path: Path
) -> None:
    async def run() -> None:
        race = Race(tmp_path, seed)
        for number in range(INTERLEAVINGS):
            try:
                await race.rage()
                await race.settle()
            except AssertionError as error:
                again = f"pytest gateway/tests/test_settings_race.py -k '[{seed}]'"
                sentence = f"seed {seed}, interleaving {number}: {error}; again: {again}"
                raise AssertionError(sentence) from error
        race.close()

    asyncio.run(run())


def test_a_change_made_while_the_meter_is_out_of_reach_for_a_week_is_applied_at_its_first_session(
    tmp_path: Path,
) -> None:
    async def run() -> None:
        race = Race(tmp_path, 1)
        await race.let_session_pass()
        race.meter.link.ports = frozenset()
        for weight_ml in (10, 100):
            race.make({"pulse_weight_ml": weight_ml})
            await race.let_pass(7 * 86_400 // 2)
        states = [({"pulse_weight_ml": 10}, "superseded"), ({"pulse_weight_ml": 100}, "pending")]
        assert race.states() == states
        race.meter.link.ports = frozenset({0})
        await race.let_session_pass()
        assert race.states() == [states[0], (states[1][0], "applied")]
        assert race.meter.settings.value(g.K_PULSE_WEIGHT_ML) == 100
        race.close()

    asyncio.run(run())
