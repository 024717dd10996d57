"""How long a battery lasts: less with more of anything, and as docs/settings.md says."""

import re
from pathlib import Path

import pytest

from weir_gateway import endurance
from weir_gateway.endurance import charges_mc_a_day, years
from weir_protocol.settings import BY_NAME, SETTINGS, defaults, parse_value

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"
REFERENCE = {"sample_interval_s": 900, "store_interval_s": 900, "send_interval_s": 86_400}


def test_flow_and_pressure_each_15_minutes_and_a_session_a_day_last_beyond_12_years() -> None:
    assert years(REFERENCE) > 12


def test_a_session_a_minute_empties_a_cell_within_weeks() -> None:
    assert years({**REFERENCE, "send_interval_s": 60}) < 0.1


def test_a_cell_that_spends_nothing_but_what_the_budget_allows_lasts_as_long() -> None:
    budget_ua = {6: 285, 10: 163, 16: 93}
    for lasting, current_ua in budget_ua.items():
        ah_a_year = current_ua * 24 * 365.25 / 1e6
        usable_ah = endurance.CELL_AH * endurance.USABLE_SHARE
        found = usable_ah / (ah_a_year + endurance.SELF_DISCHARGE_AH_A_YEAR)
        assert found == pytest.approx(lasting, rel=0.01)


@pytest.mark.parametrize(
    ("name", "longer_with_more"),
    [
        ("sample_interval_s", True),
        ("store_interval_s", True),
        ("send_interval_s", True),
        ("alarm_call_interval_s", True),
        ("receive_window_s", False),
        ("pressure_warm_up_ms", False),
        ("alarm_calls_max", False),
        ("link_hold", False),
    ],
)
def test_more_of_anything_never_lasts_longer(name: str, longer_with_more: bool) -> None:
    setting = BY_NAME[name]
    span = setting.high - setting.low
    values = sorted({setting.low + span * step // 97 for step in range(98)})
    lasting = [years({name: value}) for value in values]
    assert lasting == sorted(lasting, reverse=not longer_with_more)
    assert lasting[0] != lasting[-1]


def test_alarms_cost_nothing_when_all_are_off() -> None:
    off = {one.name: 0 for one in SETTINGS if one.name.endswith("_on")}
    charges = charges_mc_a_day({**defaults(), **off})
    assert charges["alarms"] == 0
    assert years(off) > years({**off, "leak_on": 1})


def test_no_settings_within_their_ranges_are_beyond_the_formula() -> None:
    for setting in SETTINGS:
        for value in (setting.low, setting.high):
            assert 0 < years({setting.name: value}) < 50


@pytest.mark.parametrize(("interval_s", "calls"), [(900, 3 + 6), (86_400, 3 + 1), (1, 3 + 16)])
def test_a_bad_day_of_alarms_has_the_calls_that_a_meter_may_make(
    interval_s: int, calls: int
) -> None:
    charges = charges_mc_a_day({**defaults(), "alarm_call_interval_s": interval_s})
    a_year = calls * endurance.SESSION_MC * endurance.ALARM_DAYS_A_YEAR
    assert charges["alarms"] * 365.25 == pytest.approx(a_year)


def test_a_sensor_that_flaps_for_ever_costs_what_the_page_says() -> None:
    spent_mc = sum(charges_mc_a_day(defaults()).values()) + endurance.SESSION_MC
    ah_a_year = spent_mc * 365.25 / 3_600_000 + endurance.SELF_DISCHARGE_AH_A_YEAR
    lasting = endurance.CELL_AH * endurance.USABLE_SHARE / ah_a_year
    assert f"the cell then lasts {lasting:.1f} years" in PAGE.read_text(encoding="utf-8")


def test_the_numbers_of_the_page_are_those_of_the_formula() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert f"| sleep | {endurance.SLEEP_UA:g} µA |" in page
    assert f"| a sample without pressure: wake, count, sleep | {endurance.WAKE_MC:g} mC |" in page
    titles = {"ratiometric": "ratiometric sensor", "loop": "4-20 mA loop", "i2c": "I2C sensor"}
    for sensor, title in titles.items():
        assert f"| pressure, {title} | {endurance.SENSOR_MA[sensor]:g} mA " in page
    assert f"for `pressure_warm_up_ms` and {endurance.SENSOR_READ_MS:g} ms more" in page
    assert f"| a record kept in flash | {endurance.RECORD_MC:g} mC |" in page
    assert f"| a session | {endurance.SESSION_MC / 1000:g} C |" in page
    assert f"| listening after a session | {endurance.LISTENING_MA:g} mA |" in page
    assert f"| alarms | {endurance.ALARM_DAYS_A_YEAR:g} days a year " in page
    cell = f"{endurance.CELL_AH:g} Ah * {endurance.USABLE_SHARE:g}"
    lost = f"{endurance.SELF_DISCHARGE_AH_A_YEAR:g} Ah"
    assert f"years = {cell} / (charge of a mean year + {lost})" in page


def test_the_examples_of_the_page_are_what_the_formula_gives() -> None:
    page = PAGE.read_text(encoding="utf-8")
    examples = re.findall(r"^\| `(\w+)` `?(\w+)`?[^|]*\| ([0-9.]+) \|$", page, re.MULTILINE)
    assert len(examples) >= 6
    for name, value, shown in examples:
        digits = len(shown.partition(".")[2])
        assert f"{years({name: parse_value(name, value)}):.{digits}f}" == shown
    all_defaults = re.search(r"^\| all defaults[^|]*\| ([0-9.]+) \|$", page, re.MULTILINE)
    each_minute = re.search(r"^\| sample, record and .*\| ([0-9.]+) \|$", page, re.MULTILINE)
    assert all_defaults is not None
    assert each_minute is not None
    assert f"{years({}):.1f}" == all_defaults[1]
    minutely = dict.fromkeys(REFERENCE, 60)
    assert f"{years(minutely):.2f}" == each_minute[1]
