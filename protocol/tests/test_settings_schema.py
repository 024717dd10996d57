"""What is made from the settings table for people and programs says what the table says."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from codegen.generate import main, outputs
from codegen.marked import begin_of, end_of, with_part
from weir_protocol.alarms import ALARMS, NOTES
from weir_protocol.records import EventCode
from weir_protocol.setting import Kind, Role
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


def test_every_number_of_the_schema_has_the_range_of_the_table() -> None:
    for name, schema in VALUES.items():
        setting = BY_NAME[name]
        if setting.kind is Kind.INTEGER:
            number = schema["anyOf"][-1] if setting.may_be_automatic else schema
            assert number["type"] == ["integer", "null"]
            assert (number["minimum"], number["maximum"]) == (setting.low, setting.high)


def test_every_word_and_default_of_the_schema_is_a_value_of_the_setting() -> None:
    for name, schema in VALUES.items():
        setting = BY_NAME[name]
        assert parse_value(name, schema["default"]) == setting.default
        words = [value for value in schema.get("enum", ()) if value is not None]
        assert {parse_value(name, word) for word in words} == (
            set(range(setting.low, setting.high + 1)) if words else set()
        )


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
