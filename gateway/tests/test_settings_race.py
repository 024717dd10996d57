"""A race of changes, resets, lost frames and rollbacks ends with one version in force (WL-SET)."""

import asyncio
from pathlib import Path

import pytest

from peers.settings_race import Race

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
