"""Documents: exact volumes, honest times, nothing invented where nothing is known."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peers.scripted_meter import HELLO, STATUS
from weir_gateway.documents import (
    flow_l_per_h,
    litres,
    reading_document,
    state_document,
    status_words,
)
from weir_gateway.registry import PULSE_WEIGHT_ML_MAX
from weir_gateway.store.rows import StoredMeter, StoredReading
from weir_protocol.records import Status, TimeQuality

U32_MAX = 2**32 - 1


def stored(**changes: Any) -> StoredReading:
    reading = StoredReading(
        meter_id=1001,
        epoch=0x9F3A2C11,
        sequence=42,
        taken_at_s=1_614_556_800,
        time_quality=TimeQuality.S2,
        measured_at_s=1_614_556_800,
        forward_pulses=1500,
        reverse_pulses=12,
        pressure_mean_kpa=400,
        pressure_min_kpa=390,
        pressure_max_kpa=None,
        peak_flow_pulses=3,
        status=0,
        pulse_weight_ml=10,
        sample_interval_s=60,
        received_at_ms=1_614_556_803_250,
        before_measured_at_s=1_614_555_900,
        before_forward_pulses=1480,
        before_reverse_pulses=11,
    )
    return reading._replace(**changes)


def test_a_reading_tells_everything_in_its_units() -> None:
    assert reading_document(stored(), historical=False) == {
        "id": "1001-9f3a2c11-42",
        "meter_id": 1001,
        "epoch": "9f3a2c11",
        "sequence": 42,
        "measured_at": "2021-03-01T00:00:00Z",
        "interval_s": 900,
        "time_quality": "bounded",
        "time_error_s": 2,
        "forward_pulses": 1500,
        "reverse_pulses": 12,
        "pulse_weight_ml": 10,
        "forward_volume_l": 15,
        "reverse_volume_l": 0.12,
        "interval_forward_volume_l": 0.2,
        "interval_reverse_volume_l": 0.01,
        "flow_mean_l_per_h": 0.76,
        "flow_peak_l_per_h": 1.8,
        "pressure_mean_kpa": 400,
        "pressure_min_kpa": 390,
        "pressure_max_kpa": None,
        "quality": [],
        "historical": False,
        "received_at": "2021-03-01T00:00:03.250Z",
    }


@given(st.integers(0, U32_MAX), st.integers(1, PULSE_WEIGHT_ML_MAX))
def test_every_volume_is_exact_in_json(pulses: int, weight_ml: int) -> None:
    text = json.dumps(litres(pulses * weight_ml))
    assert Decimal(text) == Decimal(pulses * weight_ml) / 1000
    assert "e" not in text


@pytest.mark.parametrize(
    ("volume_ml", "text"),
    [(0, "0"), (1, "0.001"), (999, "0.999"), (1000, "1"), (-10, "-0.01"), (1100, "1.1")],
)
def test_volumes_are_written_plainly(volume_ml: int, text: str) -> None:
    assert json.dumps(litres(volume_ml)) == text


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6))
def test_a_flow_is_right_to_half_a_millilitre_an_hour(volume_ml: int, interval_s: int) -> None:
    error = Decimal(str(flow_l_per_h(volume_ml, interval_s))) * interval_s - (
        Decimal(volume_ml * 3600) / 1000
    )
    assert abs(error) <= Decimal(interval_s) / 2000


@pytest.mark.parametrize(
    ("quality", "measured_at_s", "word", "error_s"),
    [
        (TimeQuality.S0_5, 5, "bounded", 0.5),
        (TimeQuality.S512, 5, "bounded", 512),
        (TimeQuality.WORSE, 5, "unbounded", None),
        (TimeQuality.UNSET, None, "unset", None),
    ],
)
def test_how_good_the_time_is_stands_beside_it(
    quality: TimeQuality, measured_at_s: int | None, word: str, error_s: float | None
) -> None:
    document = reading_document(
        stored(time_quality=quality, measured_at_s=measured_at_s), historical=False
    )
    assert (document["time_quality"], document["time_error_s"]) == (word, error_s)
    assert (document["measured_at"] is None) == (measured_at_s is None)


@pytest.mark.parametrize(
    ("taken_at_s", "received_after_s", "error_s"),
    [
        (900, 0, 243),  # 240 s of HELLO, 2 s of whole seconds, and 1 s in 5000 of counting
        (900, 50_000, 252),  # the record waited
        (1_000_000, 60, 442),  # the meter had counted for days
        (900, -5_000, 243),  # the gateway's clock was set back meanwhile
    ],
)
def test_a_time_that_was_worked_out_says_how_far_off_it_may_be(
    taken_at_s: int, received_after_s: int, error_s: int
) -> None:
    measured_at_s = 1_614_556_800
    placed = stored(
        time_quality=TimeQuality.UNSET,
        taken_at_s=taken_at_s,
        measured_at_s=measured_at_s,
        received_at_ms=(measured_at_s + received_after_s) * 1000,
    )
    document = reading_document(placed, historical=False)
    assert (document["time_quality"], document["time_error_s"]) == ("placed", error_s)


NOT_HELD = {
    "before_measured_at_s": None,
    "before_forward_pulses": None,
    "before_reverse_pulses": None,
}


def test_without_the_reading_before_the_interval_is_unknown_not_zero() -> None:
    document = reading_document(stored(**NOT_HELD), historical=False)
    assert document["interval_s"] is None
    assert document["interval_forward_volume_l"] is None
    assert document["interval_reverse_volume_l"] is None
    assert document["flow_mean_l_per_h"] is None
    assert document["flow_peak_l_per_h"] == 1.8


@pytest.mark.parametrize(
    "change",
    [
        {"status": int(Status.CLOCK_STEPPED)},
        {"measured_at_s": None},
        {"before_measured_at_s": 1_614_556_800},
        {"before_measured_at_s": 1_614_556_900},
    ],
)
def test_without_two_times_of_one_clock_there_is_volume_but_no_flow(
    change: dict[str, Any],
) -> None:
    document = reading_document(stored(**change), historical=False)
    assert document["interval_s"] is None
    assert document["flow_mean_l_per_h"] is None
    assert document["interval_forward_volume_l"] == 0.2


def test_a_register_that_wraps_goes_on_counting() -> None:
    document = reading_document(
        stored(before_forward_pulses=U32_MAX - 4, forward_pulses=5), historical=False
    )
    assert document["interval_forward_volume_l"] == 0.1
    assert document["quality"] == []


def test_a_register_that_goes_back_is_told_and_makes_no_volume() -> None:
    document = reading_document(stored(before_forward_pulses=1501), historical=False)
    assert document["interval_forward_volume_l"] is None
    assert document["interval_reverse_volume_l"] is None
    assert document["quality"] == ["register_back"]


def test_net_reverse_flow_is_negative() -> None:
    document = reading_document(stored(reverse_pulses=211), historical=False)
    assert document["flow_mean_l_per_h"] == -7.2


def test_every_status_bit_has_a_word() -> None:
    assert status_words(0) == ()
    assert status_words(Status.PRESSURE_FAULT | Status.TAMPER) == ("pressure_fault", "tamper")
    assert status_words(1 << 15 | 1 << 9) == ("short_interval", "bit_15")
    assert len(status_words(0xFFFF)) == 16


def test_a_wrapped_sequence_shows_as_the_meter_counts_it() -> None:
    document = reading_document(stored(sequence=2**32 + 7), historical=False)
    assert (document["sequence"], document["id"]) == (7, "1001-9f3a2c11-7")


def meter(**changes: Any) -> StoredMeter:
    known = StoredMeter(
        meter_id=1001,
        first_seen_ms=1_614_000_000_000,
        last_seen_ms=1_614_556_805_000,
        epoch=0x9F3A2C11,
        hello={**HELLO, "forward_pulses": 1400, "reverse_pulses": 2},
        hello_at_ms=1_614_550_000_000,
        status=None,
        status_at_ms=None,
        stored_count=43,
        resume_at=43,
        newest=stored(),
    )
    return known._replace(**changes)


def test_the_state_is_that_of_the_newest_reading() -> None:
    assert state_document(meter(), None) == {
        "meter_id": 1001,
        "last_seen": "2021-03-01T00:00:05.000Z",
        "register_at": "2021-03-01T00:00:00Z",
        "forward_volume_l": 15,
        "reverse_volume_l": 0.12,
        "measured_at": "2021-03-01T00:00:00Z",
        "flow_l_per_h": 0.76,
        "pressure_kpa": 400,
        "quality": [],
        "reading_id": "1001-9f3a2c11-42",
        "battery_mv": 3600,
        "firmware": "1.2.3",
        "settings_version": 263,
        "send_interval_s": 900,
    }


def test_backlog_that_comes_after_a_hello_does_not_turn_the_register_back() -> None:
    hello = {**HELLO, "forward_pulses": 2000, "reverse_pulses": 20}
    state = state_document(meter(hello=hello, hello_at_ms=1_614_556_801_000), None)
    assert (state["forward_volume_l"], state["reverse_volume_l"]) == (20, 0.2)
    assert state["register_at"] == "2021-03-01T00:00:01Z"
    assert state["reading_id"] == "1001-9f3a2c11-42"


def test_a_newer_status_gives_register_flow_and_pressure() -> None:
    status = {**STATUS, "forward_pulses": 1600, "flow_l_per_h": -5, "pressure_kpa": -32768}
    state = state_document(meter(status=status, status_at_ms=1_614_556_802_000), None)
    assert (state["forward_volume_l"], state["flow_l_per_h"]) == (16, -5)
    assert state["pressure_kpa"] is None
    assert state["reading_id"] is None
    assert state["battery_mv"] == 3550


def test_an_older_status_does_not_hide_a_newer_reading() -> None:
    state = state_document(meter(status=STATUS, status_at_ms=1_614_556_000_000), None)
    assert state["reading_id"] == "1001-9f3a2c11-42"


def test_a_meter_that_only_said_hello_has_a_register_and_no_flow() -> None:
    state = state_document(meter(newest=None), 100)
    assert state["forward_volume_l"] == 140
    assert (state["flow_l_per_h"], state["pressure_kpa"], state["measured_at"]) == (None,) * 3


def test_a_battery_that_is_not_measured_is_none() -> None:
    assert state_document(meter(hello={**HELLO, "battery_mv": 0}), None)["battery_mv"] is None
