"""The calendar is right within the bound that it states."""

from weir.schedule.timekeeper import ADJUSTED, KEPT, SET, STEPPED, Timekeeper

UTC_MS = 1_614_556_800_000
HOUR_MS = 3_600_000


def set_clock(now_ms: int = 0, error_ms: int = 0) -> Timekeeper:
    timekeeper = Timekeeper()
    timekeeper.start(now_ms)
    assert timekeeper.offer(UTC_MS - error_ms, 2 * error_ms, now_ms) == SET
    return timekeeper


def test_before_it_is_set_it_counts_from_the_start_and_says_so() -> None:
    timekeeper = Timekeeper()
    timekeeper.start(-5_000)
    assert not timekeeper.is_set
    assert timekeeper.calendar_ms(-5_000) == 0
    assert timekeeper.calendar_ms(7_000) == 12_000
    assert timekeeper.now_ms_at(12_000) == 7_000
    assert timekeeper.quality(7_000) == 0


def test_the_first_offer_sets_it_to_the_middle_of_the_round_trip() -> None:
    timekeeper = Timekeeper()
    timekeeper.start(100)
    assert timekeeper.offer(UTC_MS, 300, 1000) == SET
    assert timekeeper.calendar_ms(1000) == UTC_MS + 150
    assert timekeeper.error_ms(1000) == 150


def test_an_offer_within_the_uncertainty_changes_nothing_but_the_bound() -> None:
    timekeeper = set_clock(error_ms=400)
    calendar_ms = timekeeper.calendar_ms(0)
    assert timekeeper.offer(calendar_ms + 5 - 10, 20, 0) == KEPT
    assert timekeeper.calendar_ms(0) == calendar_ms
    assert timekeeper.error_ms(0) == 15


def test_an_offer_no_better_than_the_clock_keeps_its_bound() -> None:
    timekeeper = set_clock(error_ms=10)
    assert timekeeper.offer(UTC_MS - 2000, 4000, 0) == KEPT
    assert timekeeper.error_ms(0) == 10


def test_a_difference_that_the_bound_allows_for_is_an_adjustment() -> None:
    timekeeper = set_clock(error_ms=500)
    assert timekeeper.offer(UTC_MS + 300, 10, 0) == ADJUSTED
    assert timekeeper.calendar_ms(0) == UTC_MS + 305
    assert timekeeper.error_ms(0) == 5


def test_a_difference_beyond_the_bound_is_a_step_either_way() -> None:
    for step_ms in (-HOUR_MS, HOUR_MS):
        timekeeper = set_clock(error_ms=100)
        assert timekeeper.offer(UTC_MS + step_ms, 20, 0) == STEPPED
        assert timekeeper.calendar_ms(0) == UTC_MS + step_ms + 10


def test_the_bound_grows_by_50_ppm() -> None:
    timekeeper = set_clock(error_ms=100)
    assert timekeeper.error_ms(HOUR_MS) == 100 + 180
    assert timekeeper.offer(timekeeper.calendar_ms(HOUR_MS) + 170, 0, HOUR_MS) == ADJUSTED


def test_the_quality_names_the_bound() -> None:
    for error_ms, code in (
        (500, 1),
        (501, 2),
        (2_000, 2),
        (8_000, 3),
        (32_000, 4),
        (128_000, 5),
        (512_000, 6),
        (512_001, 7),
        (5_000_000, 7),
    ):
        assert set_clock(error_ms=error_ms).quality(0) == code


def test_a_round_trip_measured_as_negative_counts_as_none() -> None:
    timekeeper = Timekeeper()
    timekeeper.start(0)
    assert timekeeper.offer(UTC_MS, -40, 0) == SET
    assert timekeeper.calendar_ms(0) == UTC_MS
