"""An interval sums up its samples in integers."""

from weir.metrology.interval import Interval


def interval_of(pressures: "list[int | None]") -> Interval:
    interval = Interval(0)
    for pressure in pressures:
        interval.sample(0, pressure)
    return interval


def test_the_mean_is_rounded_to_the_nearest_and_never_leaves_minimum_and_maximum() -> None:
    for pressures, mean in (
        ([5], 5),
        ([1, 2], 2),
        ([1, 1, 2], 1),
        ([-1, -2], -1),
        ([-3, -3, -4], -3),
        ([32767, 32767, -32767], 10922),
    ):
        interval = interval_of(list(pressures))
        assert interval.pressure_mean_kpa == mean
        low, high = interval.pressure_min_kpa, interval.pressure_max_kpa
        assert (low, high) == (min(pressures), max(pressures))
        assert low is not None
        assert high is not None
        assert low <= mean <= high


def test_samples_at_fault_or_out_of_range_do_not_count() -> None:
    interval = interval_of([None, 400, 32768, -32768, None])
    assert interval.pressure_mean_kpa == 400
    assert (interval.pressure_min_kpa, interval.pressure_max_kpa) == (400, 400)


def test_without_a_valid_sample_there_is_no_pressure() -> None:
    interval = interval_of([None, None])
    assert interval.pressure_mean_kpa is None
    assert interval.pressure_min_kpa is None
    assert interval.pressure_max_kpa is None


def test_the_peak_is_the_most_forward_pulses_in_one_sample_interval() -> None:
    interval = Interval(1000)
    for forward in (1003, 1010, 1010, 1012):
        interval.sample(forward, None)
    assert interval.peak_flow_pulses == 7


def test_a_late_sample_bounds_the_peak_by_the_mean_of_its_intervals() -> None:
    interval = Interval(0)
    interval.sample(10, None, intervals=4)
    assert interval.peak_flow_pulses == 3


def test_the_peak_saturates_and_the_register_may_wrap_inside_it() -> None:
    interval = Interval(0xFFFFFFFF)
    interval.sample(9, None)
    assert interval.peak_flow_pulses == 10
    interval.sample(100_000, None)
    assert interval.peak_flow_pulses == 65535


def test_the_next_interval_starts_empty_but_its_sample_interval_goes_on() -> None:
    interval = Interval(0)
    interval.sample(40, 300)
    interval.flag(5)
    interval.flag(16)
    assert interval.status == 21
    interval.begin()
    assert (interval.status, interval.peak_flow_pulses) == (0, 0)
    assert interval.pressure_mean_kpa is None
    interval.sample(43, 310)
    assert interval.peak_flow_pulses == 3
