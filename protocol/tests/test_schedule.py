"""The gateway expects a meter exactly when the meter sends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.schedule.timetable import Timetable
from weir_protocol.schedule import SendPlan

NOON_MS = 1_614_600_000_000
DAY_S = 86_400


@given(
    meter_id=st.integers(0, 0xFFFF_FFFF),
    interval_s=st.integers(1, 2_678_400),
    now_ms=st.integers(NOON_MS, NOON_MS + 40 * DAY_S * 1000),
)
def test_a_meter_with_automatic_slot_sends_when_it_is_expected(
    meter_id: int, interval_s: int, now_ms: int
) -> None:
    timetable = Timetable(meter_id)
    timetable.configure(1, 1, interval_s)
    timetable.align(now_ms)
    expected_ms = SendPlan(interval_s).next_ms(meter_id, now_ms)
    assert not timetable.send_due(expected_ms - 1)
    assert timetable.send_due(expected_ms)


@given(
    meter_id=st.integers(0, 0xFFFF_FFFF),
    interval_s=st.integers(2, 2_678_400),
    slot=st.integers(-1, 2_678_399),
    spread=st.integers(-1, 2_678_400),
    now_ms=st.integers(NOON_MS, NOON_MS + 40 * DAY_S * 1000),
)
def test_a_meter_with_a_given_slot_or_spread_sends_when_it_is_expected(
    meter_id: int, interval_s: int, slot: int, spread: int, now_ms: int
) -> None:
    slot_s, spread_s = min(slot, interval_s - 1), min(spread, interval_s)
    timetable = Timetable(meter_id)
    timetable.configure(1, 1, 900)
    timetable.configure(1, 1, interval_s, slot_s, spread_s)
    timetable.align(now_ms)
    expected_ms = SendPlan(interval_s, slot_s, spread_s).next_ms(meter_id, now_ms)
    assert not timetable.send_due(expected_ms - 1)
    assert timetable.send_due(expected_ms)


def test_a_given_slot_is_kept_to_the_second_by_every_meter() -> None:
    plan = SendPlan(DAY_S, slot_s=7200)
    at_ms = NOON_MS // (DAY_S * 1000) * DAY_S * 1000 + 7_200_000
    assert {plan.next_ms(meter_id, at_ms - 1) for meter_id in range(1000, 1100)} == {at_ms}


def test_meters_of_one_slot_are_spread_where_a_spread_is_given() -> None:
    plan = SendPlan(DAY_S, slot_s=7200, spread_s=1800)
    offsets = [plan.offset_ms(meter_id) for meter_id in range(1000, 1100)]
    assert all(7_200_000 <= offset < 9_000_000 for offset in offsets)
    for quarter in range(4):
        first = 7_200_000 + quarter * 450_000
        assert 20 <= sum(first <= offset < first + 450_000 for offset in offsets) <= 30


def test_a_given_spread_replaces_seven_eighths_of_the_interval() -> None:
    automatic = [SendPlan(DAY_S).offset_ms(meter_id) for meter_id in range(1000, 1100)]
    narrow = [SendPlan(DAY_S, spread_s=600).offset_ms(meter_id) for meter_id in range(1000, 1100)]
    assert 600_000 < max(automatic) < DAY_S * 875
    assert max(narrow) < 600_000


@pytest.mark.parametrize("slot_s", [-1, 0, 7200, DAY_S - 1])
def test_the_next_send_time_is_one_interval_after_the_one_before(slot_s: int) -> None:
    plan = SendPlan(DAY_S, slot_s)
    first_ms = plan.next_ms(4711, NOON_MS)
    assert NOON_MS < first_ms <= NOON_MS + DAY_S * 1000
    assert plan.next_ms(4711, first_ms) == first_ms + DAY_S * 1000
