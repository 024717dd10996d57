"""What is made from the settings table for people and programs says what the table says."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from codegen.generate import main, outputs
from codegen.marked import begin_of, end_of, with_part
from weir_protocol.alarms import ALARMS, NOTES
from weir_protocol.number_pattern import number_pattern
from weir_protocol.records import EventCode
from weir_protocol.setting import AUTOMATIC, Kind, Role, Setting, SettingRefused
from weir_protocol.setting_text import AUTOMATIC_WORD
from weir_protocol.settings import BY_NAME, RULES, SETTINGS, parse_value

CHECKOUT = Path(__file__).parents[2]
SCHEMA: dict[str, Any] = json.loads(
    (CHECKOUT / "protocol/settings.schema.json").read_text(encoding="utf-8")
)
VALUES: Mapping[str, Any] = SCHEMA["properties"]["settings"]["properties"]


def test_what_is_generated_is_not_stale(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["--check"])
    assert (status, capsys.readouterr().err) == (0, "")
    assert {path.name for path in outputs()} >= {
        "alarms.md",
        "settings.md",
        "settings.schema.json",
        "table_gen.py",
        "tables_gen.py",
    }


def test_the_schema_has_every_setting_that_an_operator_may_change_and_no_other() -> None:
    assert set(VALUES) == {one.name for one in SETTINGS if one.role is Role.OPERATOR}


def matches(schema: Mapping[str, Any], value: object) -> bool:
    """Judge as a validator does, by the few keywords that the schema of a value uses."""
    if "anyOf" in schema:
        return any(matches(one, value) for one in schema["anyOf"])
    if "enum" in schema:
        return any(type(one) is type(value) and one == value for one in schema["enum"])
    if schema["type"] == "string":
        return isinstance(value, str) and re.search(schema["pattern"], value) is not None
    return type(value) is int and schema["minimum"] <= value <= schema["maximum"]


def is_taken(name: str, value: object) -> bool:
    """Whether the gateway takes a value that is no number with a fraction, object or list."""
    assert value is None or isinstance(value, str | int | bool)
    try:
        return value is None or parse_value(name, value) is not None
    except SettingRefused:
        return False


def good_numbers(setting: Setting) -> Iterator[object]:
    for number in {max(0, setting.low), setting.low, setting.default, setting.high} - {AUTOMATIC}:
        yield from (number, f"{number} {setting.unit}".rstrip(), f"{number}{setting.unit}")
    if setting.may_be_automatic:
        yield from (AUTOMATIC_WORD, AUTOMATIC)
    if setting.unit == "s" and setting.low <= 900 and setting.high >= 86_400:
        yield from ("15 min", "15min", "24 h", "1 d")


def good_values(setting: Setting) -> list[object]:
    """What docs/mqtt.md says is accepted."""
    if setting.kind is Kind.SWITCH:
        return [True, False, "on", "off", 0, 1, None]
    if setting.kind is Kind.CHOICE:
        return [*setting.choices, *range(len(setting.choices)), None]
    return [*good_numbers(setting), None]


def bad_values(setting: Setting) -> list[object]:
    high, low = setting.high + 1, setting.low - 1
    beyond: list[object] = [high, low, f"{high}", f"{low}", f"{high} {setting.unit}x", "", "x"]
    if setting.kind is Kind.INTEGER:
        beyond += [True, False, "on", "10.5", f"{high} {setting.unit}", f"{low} {setting.unit}"]
        beyond += [f"{high} min", f"{high} h", f"{high} d", "0.5 h", "1 week"]
    if setting.kind is Kind.CHOICE:
        beyond += [True, "on"]
    return beyond


@pytest.mark.parametrize("name", VALUES)
def test_the_schema_takes_what_the_gateway_takes(name: str) -> None:
    values = good_values(BY_NAME[name])
    assert [one for one in values if not is_taken(name, one)] == []
    assert [one for one in values if not matches(VALUES[name], one)] == []


@pytest.mark.parametrize("name", VALUES)
def test_the_schema_refuses_what_the_gateway_refuses(name: str) -> None:
    values = bad_values(BY_NAME[name])
    assert [one for one in values if is_taken(name, one)] == []
    assert [one for one in values if matches(VALUES[name], one)] == []


@pytest.mark.parametrize(
    ("low", "high"),
    [(0, 0), (0, 9), (1, 10), (7, 7), (5, 123), (99, 1001), (250, 259), (-1, 3), (-100, 1100)],
)
def test_a_pattern_matches_the_numbers_of_its_range_and_no_other(low: int, high: int) -> None:
    pattern = re.compile(number_pattern(low, high))
    matched = [one for one in range(-300, 12_000) if pattern.fullmatch(str(one))]
    assert matched == list(range(low, high + 1))


def test_every_word_and_default_of_the_schema_is_a_value_of_the_setting() -> None:
    for name, schema in VALUES.items():
        setting = BY_NAME[name]
        assert parse_value(name, schema["default"]) == setting.default
        if setting.kind is not Kind.INTEGER:
            words = [value for value in schema["enum"] if value is not None]
            values = {parse_value(name, word) for word in words}
            assert values == set(range(setting.low, setting.high + 1))


def test_the_page_of_settings_names_every_setting_and_every_rule() -> None:
    page = (CHECKOUT / "docs/settings.md").read_text(encoding="utf-8")
    assert all(f"| {one.key} | `{one.name}` |" in page for one in SETTINGS)
    assert page.count("Technicians only.") == sum(one.role is Role.TECHNICIAN for one in SETTINGS)
    assert all(f"`{rule.lower.name}` must be" in page for rule in RULES)


def test_the_page_of_alarms_explains_every_event_code() -> None:
    page = (CHECKOUT / "docs/alarms.md").read_text(encoding="utf-8")
    assert all(f"\n### {alarm.name}\n" in page for alarm in ALARMS)
    explained = [note.code for note in NOTES] + [alarm.code for alarm in ALARMS]
    assert explained == list(EventCode)
    assert all(f"| {int(code)} | " in page for code in explained)


def test_a_part_is_made_anew_between_its_markers_and_nowhere_else() -> None:
    page = f"before\n{begin_of('part')}old\n{end_of('part')}after\n"
    assert with_part(page, "part", "new\n") == page.replace("old", "new")


@pytest.mark.parametrize("lost", [begin_of("part"), end_of("part")])
def test_a_page_without_its_markers_is_not_written(lost: str) -> None:
    page = f"before\n{begin_of('part')}old\n{end_of('part')}after\n".replace(lost, "")
    with pytest.raises(ValueError, match="markers of part"):
        with_part(page, "part", "new\n")
