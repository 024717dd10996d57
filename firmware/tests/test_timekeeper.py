"""The calendar is right within the bound that it states, and goes back only in a step."""

from weir.schedule.timekeeper import SET, SLEWED, STEPPED, Timekeeper

UTC_MS = 1_614_556_800_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
RESOLUTION_MS = 2


def set_clock(now_ms: int = 0, error_ms: int = 0) -> Timekeeper:
    """Return a clock that says UTC_MS at ``now_ms``, with a bound of its error."""
    timekeeper = Timekeeper()
    timekeeper.start(now_ms)
    assert timekeeper.offer(UTC_MS - error_ms, 2 * error_ms, now_ms) == SET
    return timekeeper


def told_daily(timekeeper: Timekeeper, drift_ppm: int, days: "range") -> int:
    """Tell the time at the end of each day; return now_ms. The oscillator is fast by drift_ppm."""
    now_ms = 0
    for day in days:
        now_ms = day * DAY_MS * (1_000_000 + drift_ppm) // 1_000_000
        timekeeper.offer(UTC_MS + day * DAY_MS - 50, 100, now_ms)
    return now_ms


def taught(drift_ppm: int, days: int = 10) -> "tuple[Timekeeper, int]":
    """Return a clock that was told the time daily, and now_ms."""
    timekeeper = set_clock()
    return timekeeper, told_daily(timekeeper, drift_ppm, range(1, days + 1))


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
    assert timekeeper.error_ms(1000) == 150 + RESOLUTION_MS


def test_a_round_trip_measured_as_negative_counts_as_none() -> None:
    timekeeper = Timekeeper()
    timekeeper.start(0)
    assert timekeeper.offer(UTC_MS, -40, 0) == SET
    assert timekeeper.calendar_ms(0) == UTC_MS


def test_a_slow_answer_does_not_spoil_what_a_quick_one_told() -> None:
    timekeeper = set_clock(error_ms=50)
    assert timekeeper.offer(UTC_MS - 2900, 6000, 0) == SLEWED  # in truth it came straight back
    assert abs(timekeeper.calendar_ms(10_000) - UTC_MS - 10_000) <= 1
    assert timekeeper.error_ms(0) <= 50 + RESOLUTION_MS + 1


def test_a_quick_answer_mends_what_a_slow_one_told() -> None:
    timekeeper = set_clock(error_ms=3000)
    assert timekeeper.offer(UTC_MS + 1950, 100, 0) == SLEWED
    settled_ms = 2_000_000
    assert abs(timekeeper.calendar_ms(settled_ms) - UTC_MS - 2000 - settled_ms) <= 20
    assert timekeeper.error_ms(settled_ms) <= 100 + RESOLUTION_MS + settled_ms // 20_000 + 1


def test_the_bound_is_what_the_clock_and_the_offer_have_in_common() -> None:
    timekeeper = set_clock(error_ms=400)
    assert timekeeper.offer(UTC_MS + 600 - 300, 600, 0) == SLEWED  # 300 to 900 ms more
    settled_ms = 600_000
    assert 52 <= timekeeper.error_ms(settled_ms) - settled_ms // 20_000 <= 110
    assert 290 <= timekeeper.calendar_ms(settled_ms) - UTC_MS - settled_ms <= 410


def test_a_small_error_is_slewed_by_a_millisecond_in_a_second_at_most() -> None:
    for off_ms in (-4900, -300, 300, 4900):
        timekeeper = set_clock(error_ms=5000)
        assert timekeeper.offer(UTC_MS + off_ms, 0, 0) == SLEWED
        assert timekeeper.calendar_ms(0) == UTC_MS
        for now_ms in range(0, 6_000_000, 10_000):
            ahead_ms = timekeeper.calendar_ms(now_ms + 10_000) - timekeeper.calendar_ms(now_ms)
            assert 9_989 <= ahead_ms <= 10_011
        assert abs(timekeeper.calendar_ms(6_000_000) - UTC_MS - off_ms - 6_000_000) <= 2


def test_while_it_is_slewed_the_bound_counts_what_is_left() -> None:
    timekeeper = set_clock(error_ms=1000)
    timekeeper.offer(UTC_MS + 900, 0, 0)
    for now_ms in range(0, 1_000_000, 50_000):
        off_ms = UTC_MS + 900 + now_ms - timekeeper.calendar_ms(now_ms)
        assert off_ms <= timekeeper.error_ms(now_ms) <= off_ms + 10 + now_ms // 20_000


def test_the_calendar_never_goes_back_and_its_inverse_is_exact() -> None:
    for off_ms in (-7, -1, 0, 1, 7):
        for drift_ppm in (-40, 0, 40):
            timekeeper, now_ms = taught(drift_ppm, days=3)
            timekeeper.offer(timekeeper.calendar_ms(now_ms) + off_ms, 0, now_ms)
            before_ms = timekeeper.calendar_ms(now_ms - 1)
            for at_ms in range(now_ms, now_ms + 9_000):
                calendar_ms = timekeeper.calendar_ms(at_ms)
                assert 0 <= calendar_ms - before_ms <= 2
                if calendar_ms > before_ms:
                    assert timekeeper.now_ms_at(calendar_ms) == at_ms
                before_ms = calendar_ms


def test_an_error_of_more_than_5_s_is_stepped_either_way() -> None:
    for step_ms in (-HOUR_MS, -5_100, 5_100, HOUR_MS):
        timekeeper = set_clock(error_ms=100)
        assert timekeeper.offer(UTC_MS + step_ms, 20, 0) == STEPPED
        assert timekeeper.calendar_ms(0) == UTC_MS + step_ms + 10
        assert timekeeper.error_ms(0) == 10 + RESOLUTION_MS


def test_an_error_of_less_is_slewed_though_the_bound_did_not_allow_for_it() -> None:
    timekeeper = set_clock(error_ms=10)
    assert timekeeper.offer(UTC_MS + 3000, 20, 0) == SLEWED
    assert timekeeper.calendar_ms(0) == UTC_MS
    assert timekeeper.error_ms(0) == 3010 + 10 + RESOLUTION_MS


def test_until_something_is_learned_the_bound_grows_by_what_is_assumed() -> None:
    timekeeper = set_clock(error_ms=100)
    assert timekeeper.error_ms(HOUR_MS) == 100 + RESOLUTION_MS + 180
    timekeeper.configure(0, True, 10)
    assert timekeeper.error_ms(HOUR_MS) == 100 + RESOLUTION_MS + 36


def test_drift_is_learned_from_sessions_a_day_apart() -> None:
    for drift_ppm in (-45, -20, 0, 20, 45):
        timekeeper, now_ms = taught(drift_ppm)
        on_ms = now_ms + DAY_MS * (1_000_000 + drift_ppm) // 1_000_000
        off_ms = timekeeper.calendar_ms(on_ms) - UTC_MS - 11 * DAY_MS
        assert abs(off_ms) <= 86, drift_ppm  # 1 ppm


def growth_after(changes: int) -> int:
    """Return by how much the bound grows in a day after a rate of 20 ppm was 3 ppm more daily.

    It is the second day without a session: the clock is slewed by then.
    """
    timekeeper, now_ms = taught(20, days=25)
    for day in range(1, changes + 1):
        now_ms += DAY_MS * (1_000_020 + 3 * day) // 1_000_000
        timekeeper.offer(UTC_MS + (25 + day) * DAY_MS - 50, 100, now_ms)
    return timekeeper.error_ms(now_ms + 2 * DAY_MS) - timekeeper.error_ms(now_ms + DAY_MS)


def test_a_rate_that_changes_day_after_day_is_vouched_for_ever_less() -> None:
    steady_ms = growth_after(0)
    once_ms = growth_after(1) - steady_ms
    assert once_ms >= 86  # 1 ppm
    assert growth_after(5) - steady_ms >= 3 * once_ms


def test_drift_is_learned_from_sessions_an_hour_apart() -> None:
    timekeeper = set_clock()
    for hour in range(1, 100):
        timekeeper.offer(UTC_MS + hour * HOUR_MS - 50, 100, hour * HOUR_MS + hour * 72)  # 20 ppm
    ahead_ms = timekeeper.calendar_ms(199 * (HOUR_MS + 72)) - timekeeper.calendar_ms(
        99 * (HOUR_MS + 72)
    )
    assert abs(ahead_ms - 100 * HOUR_MS) <= 360  # 1 ppm


def test_the_bound_grows_more_slowly_once_the_drift_is_learned() -> None:
    timekeeper, now_ms = taught(30)
    growth_ms = timekeeper.error_ms(now_ms + DAY_MS) - timekeeper.error_ms(now_ms)
    assert 14 * 86.4 <= growth_ms <= 20 * 86.4  # of 50; 14 are what a day's temperature may do


def test_what_is_learned_stays_within_the_bound_of_the_oscillator() -> None:
    timekeeper = set_clock()
    timekeeper.configure(0, True, 20)
    now_ms = told_daily(timekeeper, 35, range(1, 10))
    passed_ms = timekeeper.calendar_ms(now_ms + 10**9) - timekeeper.calendar_ms(now_ms + 10**8)
    assert 20 * 900 - 1 <= 9 * 10**8 - passed_ms <= 20 * 900 + 1


def test_a_correction_counts_from_the_first_offer_on() -> None:
    timekeeper = Timekeeper()
    timekeeper.configure(120_000, False, 2)
    timekeeper.start(0)
    timekeeper.offer(UTC_MS, 0, 0)
    assert timekeeper.calendar_ms(10**9) == UTC_MS + 10**9 + 120_000
    assert timekeeper.error_ms(10**9) == RESOLUTION_MS + 2000


def test_where_it_shall_not_learn_it_keeps_to_the_correction() -> None:
    timekeeper = set_clock()
    timekeeper.configure(-10_000, False, 50)
    now_ms = told_daily(timekeeper, 40, range(1, 20))
    passed_ms = timekeeper.calendar_ms(now_ms + 10**9) - timekeeper.calendar_ms(now_ms + 10**8)
    assert passed_ms == 9 * 10**8 - 9_000
    growth_ms = timekeeper.error_ms(now_ms + 10**9) - timekeeper.error_ms(now_ms + 10**8)
    assert growth_ms == 45_000


def test_settings_that_are_as_they_were_do_not_cost_what_was_learned() -> None:
    timekeeper, now_ms = taught(30)
    bound_ms = timekeeper.error_ms(now_ms + DAY_MS)
    timekeeper.configure(0, True, 50)
    assert timekeeper.error_ms(now_ms + DAY_MS) == bound_ms


def test_settings_that_change_make_the_calendar_neither_jump_nor_go_back() -> None:
    timekeeper, now_ms = taught(30)
    later_ms = now_ms + DAY_MS
    before_ms = timekeeper.calendar_ms(later_ms)
    timekeeper.configure(150_000, True, 50)
    assert timekeeper.calendar_ms(later_ms) == before_ms
    timekeeper.offer(UTC_MS + 11 * DAY_MS, 0, later_ms)
    assert timekeeper.calendar_ms(later_ms) == before_ms


def test_a_peer_that_was_wrong_and_is_right_again_costs_nothing_of_what_was_learned() -> None:
    for wrong_ms in (-400 * DAY_MS, -2 * HOUR_MS, 2 * HOUR_MS, 400 * DAY_MS):
        timekeeper, now_ms = taught(30)
        growth_ms = timekeeper.error_ms(now_ms + DAY_MS) - timekeeper.error_ms(now_ms)
        assert timekeeper.offer(UTC_MS + 10 * DAY_MS + wrong_ms, 0, now_ms + 10) == STEPPED
        now_ms += DAY_MS * 1_000_030 // 1_000_000
        assert timekeeper.offer(UTC_MS + 11 * DAY_MS + wrong_ms, 0, now_ms) == SLEWED
        assert timekeeper.offer(UTC_MS + 11 * DAY_MS, 0, now_ms) == STEPPED
        assert timekeeper.calendar_ms(now_ms) == UTC_MS + 11 * DAY_MS
        on_ms = now_ms + DAY_MS * 1_000_030 // 1_000_000
        assert abs(timekeeper.calendar_ms(on_ms) - UTC_MS - 12 * DAY_MS) <= 100
        assert timekeeper.error_ms(on_ms) <= growth_ms + 10


def test_a_count_that_jumped_ahead_is_stepped_back_and_the_drift_kept() -> None:
    timekeeper, now_ms = taught(30)
    now_ms += 2 * HOUR_MS  # in no time
    assert timekeeper.offer(UTC_MS + 10 * DAY_MS, 100, now_ms) == STEPPED
    on_ms = now_ms + DAY_MS * 1_000_030 // 1_000_000
    assert abs(timekeeper.calendar_ms(on_ms) - UTC_MS - 11 * DAY_MS) <= 150


def test_an_oscillator_that_changed_beyond_what_was_learned_is_learned_anew() -> None:
    timekeeper, now_ms = taught(0)
    day_ms = DAY_MS + 3456  # 40 ppm, of a sudden
    assert timekeeper.error_ms(now_ms + day_ms) < 3000
    now_ms += day_ms
    assert timekeeper.offer(UTC_MS + 11 * DAY_MS, 0, now_ms) == SLEWED
    growth_ms = timekeeper.error_ms(now_ms + 2 * DAY_MS) - timekeeper.error_ms(now_ms + DAY_MS)
    assert growth_ms >= 24 * 86.4  # until it has shown again how steady it is
    off_ms = timekeeper.calendar_ms(now_ms + day_ms) - UTC_MS - 12 * DAY_MS
    assert abs(off_ms) <= 200


def live_day(
    timekeeper: Timekeeper, began_ms: int, day: int, drift_ppm: int, trip_ms: int = 400
) -> int:
    """See that the bound holds all day, and tell the time at its end; return now_ms."""
    now_ms = began_ms
    for passed_ms in range(0, DAY_MS + 1, DAY_MS // 8):
        now_ms = began_ms + passed_ms * (1_000_000 + drift_ppm) // 1_000_000
        true_ms = UTC_MS + day * DAY_MS + passed_ms
        assert abs(timekeeper.calendar_ms(now_ms) - true_ms) <= timekeeper.error_ms(now_ms)
    timekeeper.offer(UTC_MS + (day + 1) * DAY_MS - trip_ms // 2, trip_ms, now_ms)
    return now_ms


def test_the_bound_holds_for_a_rate_that_changes_by_14_ppm_from_day_to_day() -> None:
    for sign in (1, -1):
        timekeeper, now_ms = taught(-28 * sign, days=30)
        for day, drift_ppm in enumerate((-14, 0, 14, 28, 42, 28, 28, 14, 0), 30):
            now_ms = live_day(timekeeper, now_ms, day, drift_ppm * sign)


def test_where_all_answers_are_slow_the_bound_holds_for_a_rate_that_changes_by_5_ppm() -> None:
    for trip_ms in (1_000, 3_000, 6_000):
        timekeeper, now_ms = taught(-15, days=30)
        for day, drift_ppm in enumerate((-10, -5, 0, 5, 10, 15, 20, 15, 10, 15, 10, 5), 30):
            now_ms = live_day(timekeeper, now_ms, day, drift_ppm, trip_ms)


def test_a_clock_that_does_not_learn_claims_enough_for_any_change_of_the_rate() -> None:
    timekeeper = Timekeeper()
    timekeeper.configure(0, learning=False, clock_drift_ppm=50)
    timekeeper.start(0)
    timekeeper.offer(UTC_MS, 0, 0)
    now_ms = 0
    for day, drift_ppm in enumerate((50, 50, 50, 50, -50, -50, 50, 0, -50)):
        now_ms = live_day(timekeeper, now_ms, day, drift_ppm)


def test_what_was_claimed_too_narrow_in_a_day_does_not_make_the_bound_after_it_too_small() -> None:
    timekeeper, began_ms = taught(0, days=30)
    now_ms = began_ms + DAY_MS + 26 * DAY_MS // 1_000_000
    true_ms = UTC_MS + 31 * DAY_MS
    assert timekeeper.calendar_ms(now_ms) - true_ms > timekeeper.error_ms(now_ms)
    timekeeper.offer(true_ms, 2_000, now_ms)  # slow on its way up alone
    assert timekeeper.calendar_ms(now_ms) - true_ms <= timekeeper.error_ms(now_ms)


def test_a_clock_that_nobody_told_for_years_is_slewed_or_stepped_by_the_same_rule() -> None:
    years_ms = 5 * 365 * DAY_MS
    timekeeper = set_clock()
    assert timekeeper.error_ms(years_ms) >= 7_884_000
    assert timekeeper.quality(years_ms) == 7
    assert timekeeper.offer(UTC_MS + years_ms - 3_000_000, 0, years_ms) == STEPPED
    assert timekeeper.calendar_ms(years_ms) == UTC_MS + years_ms - 3_000_000
    assert timekeeper.quality(years_ms) == 1


def test_the_quality_names_the_bound() -> None:
    for bound_ms, code in (
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
        assert set_clock(error_ms=bound_ms - RESOLUTION_MS).quality(0) == code


def test_answers_every_minute_do_not_turn_the_rate_by_their_rounding() -> None:
    timekeeper = set_clock()
    for minute in range(1, 3000):
        timekeeper.offer(UTC_MS + minute * 60_000, 0, minute * 60_000)
    passed_ms = timekeeper.calendar_ms(2 * 10**9) - timekeeper.calendar_ms(10**9)
    assert abs(passed_ms - 10**9) <= 100  # 0.1 ppm


def test_slow_answers_let_it_want_another_four_times_in_half_a_day() -> None:
    timekeeper = Timekeeper()
    timekeeper.start(0)
    for half_day in range(3):
        now_ms = half_day * DAY_MS // 2
        wanted = []
        for _ in range(6):
            timekeeper.offer(UTC_MS + now_ms - 350, 700, now_ms)
            wanted.append(timekeeper.wants_another)
        assert wanted == [True] * 4 + [False] * 2


def test_after_a_quick_answer_it_wants_no_other_for_half_a_day() -> None:
    timekeeper = Timekeeper()
    timekeeper.start(0)
    for now_ms, round_trip_ms, wants in (
        (0, 5000, True),
        (10_000, 596, False),
        (20_000, 5000, False),
        (DAY_MS // 2 + 1, 5000, True),
    ):
        timekeeper.offer(UTC_MS + now_ms - round_trip_ms // 2, round_trip_ms, now_ms)
        assert timekeeper.wants_another == wants, now_ms
