"""The settings table: what a meter can be told, how people write it, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir_protocol.frames import Reason
from weir_protocol.setting import AUTOMATIC, Fault, Kind, Role, Setting, SettingRefused
from weir_protocol.setting_text import allowed
from weir_protocol.settings import (
    BY_KEY,
    BY_NAME,
    RULES,
    SETTINGS,
    check,
    defaults,
    format_value,
    parse_value,
)

each_setting = pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)


def verdicts(**values: int) -> list[tuple[str, Reason]]:
    return [(fault.name, fault.reason) for fault in check(values)]


def test_keys_and_names_are_used_once_and_keys_fit_their_byte() -> None:
    assert len(BY_KEY) == len(BY_NAME) == len(SETTINGS)
    assert all(1 <= setting.key <= 250 for setting in SETTINGS)
    assert [setting.key for setting in SETTINGS] == sorted(BY_KEY)


@each_setting
def test_a_row_holds_together(setting: Setting) -> None:
    assert -(1 << 31) <= setting.low < setting.high < 1 << 31
    assert setting.holds(setting.default)
    assert setting.meaning.endswith(".")
    if setting.kind is Kind.CHOICE:
        assert (setting.low, setting.high) == (0, len(setting.choices) - 1)
    if setting.kind is Kind.SWITCH:
        assert (setting.low, setting.high) == (0, 1)


@each_setting
def test_both_ends_of_a_range_are_taken_and_what_lies_beyond_is_out_of_range(
    setting: Setting,
) -> None:
    for value in (setting.low, setting.high):
        assert (setting.name, Reason.OUT_OF_RANGE) not in verdicts(**{setting.name: value})
    for value in (setting.low - 1, setting.high + 1):
        assert verdicts(**{setting.name: value}) == [(setting.name, Reason.OUT_OF_RANGE)]


@each_setting
@given(st.randoms())
def test_a_value_that_was_written_is_read_as_the_same(setting: Setting, chance: object) -> None:
    for value in {setting.low, setting.high, setting.default, setting.low + 1}:
        assert parse_value(setting.name, format_value(setting.name, value)) == value
        assert parse_value(setting.name, value) == value


def test_the_defaults_may_be_given_to_a_meter() -> None:
    assert check({}) == check(defaults()) == []


@pytest.mark.parametrize(
    "values",
    [
        {"sample_interval_s": 901},
        {"store_interval_s": 60, "send_interval_s": 59, "sample_interval_s": 1},
        {"send_slot_s": 86_400},
        {"send_spread_s": 86_401},
        {"receive_window_s": 900, "send_interval_s": 900},
        {"flow_low_l_per_h": 50, "flow_high_l_per_h": 50, "flow_low_on": 1, "flow_high_on": 1},
        {
            "pressure_low_kpa": -1,
            "pressure_high_kpa": -2,
            "pressure_low_on": 1,
            "pressure_high_on": 1,
        },
        {"leak_gap_s": 600, "leak_duration_s": 600},
        {"leak_gap_s": 899, "sample_interval_s": 900},
    ],
)
def test_a_broken_rule_blames_what_must_be_lower_and_names_both(values: dict[str, int]) -> None:
    (fault,) = check(values)
    (rule,) = (rule for rule in RULES if rule.text in fault.sentence)
    assert fault.reason is Reason.BREAKS_RULE
    assert rule.lower.name == fault.name
    assert rule.upper.name in fault.sentence


def test_limits_are_held_against_each_other_only_while_both_alarms_are_on() -> None:
    crossed = {"flow_low_l_per_h": 50, "flow_high_l_per_h": 40}
    assert verdicts(**crossed, flow_low_on=1) == []
    assert verdicts(**crossed, flow_high_on=1) == []


def test_samples_may_be_as_rare_as_the_gap_of_a_leak_and_rarer_only_while_leaks_are_off() -> None:
    assert verdicts(leak_gap_s=900, sample_interval_s=900) == []
    assert verdicts(leak_gap_s=899, sample_interval_s=900, leak_on=0) == []
    assert verdicts(leak_gap_s=899, sample_interval_s=900, leak_on=1) == [
        ("sample_interval_s", Reason.BREAKS_RULE)
    ]


def test_an_automatic_slot_and_spread_break_no_rule() -> None:
    shortest = {"sample_interval_s": 1, "store_interval_s": 1, "send_interval_s": 1}
    assert verdicts(**shortest, send_slot_s=AUTOMATIC, send_spread_s=AUTOMATIC) == []


def test_faults_are_told_unknown_first_then_ranges_by_key_then_rules() -> None:
    assert verdicts(leak_gap_s=0, sample_interval_s=1000, colour=3, store_interval_s=0) == [
        ("colour", Reason.UNKNOWN_KEY),
        ("store_interval_s", Reason.OUT_OF_RANGE),
        ("leak_gap_s", Reason.OUT_OF_RANGE),
    ]


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("store_interval_s", "15 min", 900),
        ("store_interval_s", "15min", 900),
        ("send_interval_s", "1d", 86_400),
        ("send_interval_s", "12 H", 43_200),
        ("send_interval_s", " 3600 s ", 3600),
        ("send_slot_s", "automatic", -1),
        ("send_slot_s", "-1", -1),
        ("flow_high_l_per_h", "2500 l/h", 2500),
        ("flow_high_l_per_h", 2500, 2500),
        ("pressure_low_kpa", "-20 kPa", -20),
        ("leak_on", "off", 0),
        ("leak_on", "True", 1),
        ("leak_on", True, 1),
        ("leak_on", 0, 0),
        ("pulse_mode", "quadrature", 1),
        ("pulse_mode", "2", 2),
    ],
)
def test_values_are_read_as_people_write_them(name: str, written: str | int, value: int) -> None:
    assert parse_value(name, written) == value


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("store_interval_s", "often"),
        ("store_interval_s", "15 minutes"),
        ("store_interval_s", "1.5"),
        ("store_interval_s", ""),
        ("store_interval_s", True),
        ("store_interval_s", "automatic"),
        ("store_interval_s", "0"),
        ("store_interval_s", "2d"),
        ("store_interval_s", "9" * 30),
        ("flow_high_l_per_h", "5 min"),
        ("flow_high_l_per_h", "10 kPa"),
        ("leak_on", "2"),
        ("leak_on", 2),
        ("pulse_mode", "double"),
        ("pulse_mode", True),
        ("send_slot_s", -2),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_with_what_would(
    name: str, written: str | int
) -> None:
    with pytest.raises(SettingRefused) as caught:
        parse_value(name, written)
    assert caught.value.fault.reason is Reason.OUT_OF_RANGE
    assert str(caught.value) == caught.value.fault.sentence
    assert name in str(caught.value)
    assert allowed(BY_NAME[name]) in str(caught.value)


def test_a_name_that_nearly_is_a_setting_leads_to_it() -> None:
    with pytest.raises(SettingRefused) as caught:
        parse_value("store_interval", "900")
    assert caught.value.fault == Fault(
        "store_interval",
        Reason.UNKNOWN_KEY,
        "No setting is called store_interval: did you mean store_interval_s?",
    )


def test_what_alters_the_meaning_of_a_register_is_for_technicians() -> None:
    technical = {setting.name for setting in SETTINGS if setting.role is Role.TECHNICIAN}
    assert technical == {
        "pulse_weight_ml",
        "pulse_mode",
        "debounce_close_ms",
        "debounce_open_ms",
        "dn_mm",
        "q3_l_per_h",
        "pressure_sensor",
        "pressure_range_kpa",
        "pressure_warm_up_ms",
    }
