"""Pulses from a recorded flow: the total is exact, whenever and however often it is asked for."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir_tools.simulator.recording import ML_PER_MS, Recording, whole_amounts
from weir_tools.simulator.waveform import Waveform

flows = st.lists(
    st.decimals(min_value=-200, max_value=200, places=4, allow_nan=False), min_size=1, max_size=20
)
spans_ms = st.integers(min_value=1, max_value=7_200_000)
weights_ml = st.sampled_from([1, 157, 1000, 10_000, 1_000_000])
units = st.sampled_from(sorted(ML_PER_MS))


def recorded(amounts: Sequence[int], lengths_ms: list[int], units_per_ml: int | None) -> Recording:
    starts_ms = [sum(lengths_ms[:index]) for index in range(len(lengths_ms))]
    return Recording(
        name="test",
        starts_at_s=None,
        span_starts_ms=starts_ms,
        ends_ms=sum(lengths_ms),
        amounts=amounts,
        units_per_ml=units_per_ml,
        pressures_kpa=None,
        missing_starts_ms=[],
    )


def flowing(values: list[Decimal], span_ms: int, unit: str) -> Recording:
    lengths_ms = [span_ms] * len(values)
    parts = [int(value * 10_000) for value in values]
    amounts, units_per_ml = whole_amounts(parts, 10_000, lengths_ms, unit)
    return recorded(amounts, lengths_ms, units_per_ml)


@given(flows, spans_ms, units, weights_ml)
def test_the_pulses_fed_are_the_whole_pulses_in_the_recorded_volume(
    values: list[Decimal], span_ms: int, unit: str, weight_ml: int
) -> None:
    waveform = Waveform(flowing(values, span_ms, unit), weight_ml)
    ml_per_flow = ML_PER_MS[unit] * span_ms
    forward_ml = sum((Fraction(value) for value in values if value > 0), Fraction(0)) * ml_per_flow
    reverse_ml = (
        -sum((Fraction(value) for value in values if value < 0), Fraction(0)) * ml_per_flow
    )

    assert waveform.counts_at(waveform.ends_ms) == (
        forward_ml // weight_ml,
        reverse_ml // weight_ml,
    )
    assert waveform.volumes_ml_at(waveform.ends_ms) == (forward_ml, reverse_ml)


@given(flows, spans_ms, weights_ml, st.lists(st.floats(0, 1.2), max_size=30))
def test_the_counters_never_fall_and_never_run_ahead_of_the_volume(
    values: list[Decimal], span_ms: int, weight_ml: int, parts: list[float]
) -> None:
    waveform = Waveform(flowing(values, span_ms, "l_s"), weight_ml)
    before = (0, 0)
    for now_ms in sorted(int(part * waveform.ends_ms) for part in parts):
        counts = waveform.counts_at(now_ms)
        volumes_ml = waveform.volumes_ml_at(now_ms)
        assert counts[0] >= before[0]
        assert counts[1] >= before[1]
        for count, volume_ml in zip(counts, volumes_ml, strict=True):
            assert count * weight_ml <= volume_ml
            assert volume_ml - count * weight_ml < weight_ml + 1
        before = counts


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=30), spans_ms)
def test_recorded_pulses_are_fed_one_for_one(pulses: list[int], span_ms: int) -> None:
    waveform = Waveform(recorded(pulses, [span_ms] * len(pulses), None), 10_000)
    for index in range(len(pulses) + 1):
        assert waveform.counts_at(index * span_ms) == (sum(pulses[:index]), 0)


def test_an_hour_is_spread_evenly_over_its_seconds() -> None:
    hour_ms = 3_600_000
    waveform = Waveform(flowing([Decimal(10)], hour_ms, "l_s"), 1000)
    assert [waveform.counts_at(second * 1000)[0] for second in (0, 1, 60, 1800)] == [
        0,
        10,
        600,
        18_000,
    ]
    assert waveform.flow_l_per_s_at(hour_ms // 2) == pytest.approx(10.0)


def test_negative_flow_feeds_the_reverse_input_alone() -> None:
    waveform = Waveform(flowing([Decimal(1), Decimal(-2)], 1_000_000, "l_s"), 1000)
    assert waveform.counts_at(2_000_000) == (1000, 2000)
    assert waveform.flow_l_per_s_at(1_500_000) == pytest.approx(-2.0)


def test_nothing_flows_before_the_recording_or_after_it() -> None:
    waveform = Waveform(flowing([Decimal(5)], 10_000, "l_s"), 1000)
    assert waveform.counts_at(-1) == (0, 0)
    assert waveform.counts_at(10**9) == waveform.counts_at(10_000) == (50, 0)
    assert waveform.flow_l_per_s_at(10_000) == 0.0


def test_the_last_recorded_pressure_stays_when_nothing_flows_any_more() -> None:
    flow = flowing([Decimal(1), Decimal(1)], 1000, "l_s")
    waveform = Waveform(replace(flow, pressures_kpa=[400, 412]), 1000)
    assert [waveform.pressure_kpa_at(now_ms) for now_ms in (-1, 0, 1000, 2000, 10**9)] == [
        None,
        400,
        412,
        412,
        412,
    ]


def test_flows_of_many_digits_are_summed_without_rounding() -> None:
    flow = flowing([Decimal("0.0001")] * 3, 10**15, "l_h")
    assert Waveform(flow, 1).counts_at(3 * 10**15) == (3 * 10**11 // 3600, 0)
    amounts, units_per_ml = whole_amounts([10**18, 1], 10**9, [10**7, 10**7], "l_h")
    assert sum(amounts) * 3600 * 10**9 == (10**18 + 1) * 10**7 * units_per_ml


def test_a_recording_can_begin_later() -> None:
    whole = flowing([Decimal(1), Decimal(2), Decimal(3)], 1000, "l_s")
    late = whole.since(1000)
    assert late.ends_ms == 2000
    assert Waveform(late, 1000).counts_at(2000) == (5, 0)
