"""The recorded districts, as the package has them."""

import pytest

from weir_tools.demo.plan import METERS, STARTS_AT
from weir_tools.simulator.districts import DISTRICTS, HOUR_MS, read_districts
from weir_tools.simulator.pressure import SimulatedPressure, pressure_for
from weir_tools.simulator.recording import Recording
from weir_tools.simulator.waveform import Waveform


@pytest.fixture(scope="module")
def recordings() -> dict[int, Recording]:
    numbers = sorted(DISTRICTS)
    return dict(zip(numbers, read_districts(numbers), strict=True))


def test_the_first_hour_is_midnight_of_the_new_year_in_italy(
    recordings: dict[int, Recording],
) -> None:
    recording = recordings[3]
    assert recording.starts_at_s == 1_609_455_600  # 2020-12-31 23:00 UTC
    assert Waveform(recording, 1).counts_at(HOUR_MS)[0] == 3_700 * 3600  # 3.7 L/s


def test_each_hour_that_passed_is_there_once(recordings: dict[int, Recording]) -> None:
    days = 365 + 365 + 90
    for recording in recordings.values():
        # Summer time began three times and ended twice between the first hour and the last.
        assert len(recording.span_starts_ms) == days * 24 - 1
        assert recording.ends_ms == len(recording.span_starts_ms) * HOUR_MS


def test_a_missing_hour_lets_nothing_flow(recordings: dict[int, Recording]) -> None:
    recording = recordings[6]
    assert len(recording.missing_starts_ms) == 1904
    waveform = Waveform(recording, 1000)
    start_ms = recording.missing_starts_ms[0]
    assert waveform.counts_at(start_ms) == waveform.counts_at(start_ms + HOUR_MS)


def test_the_demos_districts_have_no_gap_for_a_month(recordings: dict[int, Recording]) -> None:
    for meter in METERS:
        recording = recordings[meter.district]
        assert recording.starts_at_s is not None
        begins_ms = (int(STARTS_AT.timestamp()) - recording.starts_at_s) * 1000
        month = range(begins_ms, begins_ms + 30 * 24 * HOUR_MS)
        assert not [gap for gap in recording.missing_starts_ms if gap in month]


def test_the_simulated_pressure_falls_with_the_square_of_the_flow() -> None:
    pressure = SimulatedPressure(flow_max_l_per_s=10.0, seed="x", noise_kpa=0.0)
    assert [pressure.pressure_kpa(0, flow) for flow in (0.0, 5.0, 10.0, -10.0)] == [
        450,
        420,
        330,
        330,
    ]


def test_the_simulated_pressure_can_be_repeated(recordings: dict[int, Recording]) -> None:
    waveform = Waveform(recordings[8], 1000)
    first, second = pressure_for(waveform), pressure_for(waveform)
    assert first is not None
    assert second is not None
    values = [first.pressure_kpa(now_ms, 10.0) for now_ms in range(0, 600_000, 60_000)]
    assert values == [second.pressure_kpa(now_ms, 10.0) for now_ms in range(0, 600_000, 60_000)]
    assert len(set(values)) > 1
