"""The gateway and the meter come to the same verdict on any map of settings."""

import json
import os
import random
import subprocess
from pathlib import Path

import pytest

from crosscheck import meter_settings
from weir_protocol.frames import Reason
from weir_protocol.setting import Fault, Rule, Setting
from weir_protocol.settings import BY_KEY, RULES, SETTINGS, check

Items = list[tuple[int, int]]
Case = tuple[Items, Items]

FIRMWARE = Path(__file__).parents[2] / "firmware" / "src"
CASE_COUNT = 3000
UNKNOWN_KEYS = [key for key in range(1, 251) if key not in BY_KEY]
RULED = [one for rule in RULES for one in (rule.lower, rule.upper, *rule.when)]
NEAR = (0, 1, 59, 60, 61, 600, 899, 900, 901, 3599, 3600, 86_399, 86_400, 86_401)


def value_in_range(chance: random.Random, setting: Setting) -> int:
    """Return a value: often where a rule changes its mind, or at an end of the range."""
    value = chance.choice((setting.low, setting.high, setting.default, *NEAR))
    return value if setting.holds(value) else chance.randint(setting.low, setting.high)


def values_about(chance: random.Random, rule: Rule) -> dict[int, int]:
    """Return values near each other for the settings of a rule, its switches mostly on."""
    lower, upper = rule.lower, rule.upper
    middle = chance.choice([value for value in NEAR if lower.holds(value) and upper.holds(value)])
    values = {one.key: middle + chance.randint(-1, 1) for one in (lower, upper)}
    values.update({one.key: int(chance.random() < 0.9) for one in rule.when})
    return {key: value for key, value in values.items() if BY_KEY[key].holds(value)}


def random_case(chance: random.Random) -> Case:
    """Return what a meter was provisioned with, and a version for it."""
    provisioned = {one.key: value_in_range(chance, one) for one in chance.sample(RULED, 2)}
    overrides = values_about(chance, chance.choice(RULES))
    for setting in chance.sample(SETTINGS, 3):
        overrides[setting.key] = value_in_range(chance, setting)
    if chance.random() < 0.1:
        setting = chance.choice(SETTINGS)
        overrides[setting.key] = chance.choice((setting.low - 1, setting.high + 1))
    if chance.random() < 0.1:
        overrides[chance.choice(UNKNOWN_KEYS)] = 1
    return list(provisioned.items()), list(overrides.items())


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    chance = random.Random(4)
    return [random_case(chance) for _ in range(CASE_COUNT)]


def name_of(key: int) -> str:
    return BY_KEY[key].name if key in BY_KEY else f"key {key}"


def faults_of(case: Case) -> list[Fault]:
    """Return what the gateway finds wrong."""
    provisioned, overrides = case
    effective = {**dict(provisioned), **dict(overrides)}
    return check({name_of(key): value for key, value in effective.items()})


def assert_same_verdict(case: Case, on_the_meter: Items) -> None:
    """A rule broken among values out of range may be seen by one end alone; the rest by both."""
    expected = faults_of(case)
    found = {(name_of(key), reason) for key, reason in on_the_meter}
    assert bool(found) == bool(expected), case
    values = {(one.name, one.reason) for one in expected if one.reason is not Reason.BREAKS_RULE}
    assert {one for one in found if one[1] != Reason.BREAKS_RULE} == values, case
    if not values:
        broken = [rule for rule in RULES if any(rule.text in one.sentence for one in expected)]
        to_blame = {one.name for rule in broken for one in (rule.lower, rule.upper)}
        assert {name for name, _ in found} <= to_blame, case


def test_the_meters_code_comes_to_the_same_verdict_on_cpython(cases: list[Case]) -> None:
    for case in cases:
        assert_same_verdict(case, meter_settings.faults(*case))


def test_the_random_maps_keep_and_break_every_rule(cases: list[Case]) -> None:
    found = [faults_of(case) for case in cases]
    assert sum(not faults for faults in found) > CASE_COUNT // 5
    for rule in RULES:
        broken = sum(any(rule.text in fault.sentence for fault in faults) for faults in found)
        assert broken > CASE_COUNT // 100, rule.text


def test_the_meters_code_finds_the_same_on_micropython(
    cases: list[Case], micropython: str, tmp_path: Path
) -> None:
    file = tmp_path / "cases"
    file.write_text("".join(json.dumps(case) + "\n" for case in cases))
    run = subprocess.run(
        [micropython, meter_settings.__file__, str(file)],
        env={**os.environ, "MICROPYPATH": str(FIRMWARE)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.stderr == ""
    found = [list(map(tuple, json.loads(line))) for line in run.stdout.splitlines()]
    assert found == [meter_settings.faults(*case) for case in cases]
