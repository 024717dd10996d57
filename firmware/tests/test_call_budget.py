"""A sensor that flaps opens so many sessions at once, then ever fewer, a day's one in the end."""

from weir.schedule.call_budget import CallBudget

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
INTERVAL_MS = 15 * MINUTE_MS


class Caller:
    """Calls whenever it may, as often as it is asked to."""

    def __init__(self, calls_max: int, interval_ms: int) -> None:
        self.budget = CallBudget()
        self.calls_max = calls_max
        self.interval_ms = interval_ms

    def calls(self, now_ms: int) -> bool:
        if self.ready_at_ms(now_ms) > now_ms:
            return False
        self.budget.spend(now_ms, self.calls_max)
        return True

    def ready_at_ms(self, now_ms: int) -> int:
        return self.budget.ready_at_ms(now_ms, self.calls_max, self.interval_ms)

    def flap(self, from_ms: int, to_ms: int, period_ms: int) -> "list[int]":
        """Ask in every period; return when it called."""
        return [now_ms for now_ms in range(from_ms, to_ms, period_ms) if self.calls(now_ms)]


def test_so_many_calls_are_allowed_at_once_and_no_more() -> None:
    caller = Caller(3, INTERVAL_MS)
    assert [caller.calls(5) for _ in range(5)] == [True, True, True, False, False]


def test_it_says_when_the_next_call_is_allowed() -> None:
    caller = Caller(2, INTERVAL_MS)
    assert caller.ready_at_ms(5) == 5
    caller.calls(0)
    caller.calls(MINUTE_MS)
    assert caller.ready_at_ms(2 * MINUTE_MS) == MINUTE_MS + INTERVAL_MS
    assert not caller.calls(MINUTE_MS + INTERVAL_MS - 1)
    assert caller.calls(MINUTE_MS + INTERVAL_MS)
    assert not caller.calls(MINUTE_MS + INTERVAL_MS)


def test_on_a_day_of_flapping_each_call_waits_twice_as_long_as_the_one_before() -> None:
    caller = Caller(3, INTERVAL_MS)
    called = caller.flap(0, DAY_MS, MINUTE_MS)
    gaps = [(called[at + 1] - called[at]) // MINUTE_MS for at in range(len(called) - 1)]
    assert gaps == [1, 1, 15, 30, 60, 120, 240, 480]


def test_what_flaps_for_ever_costs_a_call_a_day_whatever_its_pace() -> None:
    for period_ms in (4 * MINUTE_MS, 16 * MINUTE_MS, HOUR_MS, 5 * HOUR_MS):
        caller = Caller(3, INTERVAL_MS)
        called = caller.flap(0, 60 * DAY_MS, period_ms)
        assert 60 <= len(called) <= 60 + 10
        second_month = [at_ms for at_ms in called if at_ms >= 30 * DAY_MS]
        assert 28 <= len(second_month) <= 31


def test_flaps_in_bursts_cost_no_more_than_a_call_a_day_either() -> None:
    caller = Caller(3, INTERVAL_MS)
    called = 0
    for begin_ms in range(0, 60 * DAY_MS, 2 * HOUR_MS):
        called += len(caller.flap(begin_ms, begin_ms + 6 * MINUTE_MS, MINUTE_MS))
    assert called <= 60 + 10


def test_what_comes_once_a_day_never_waits() -> None:
    caller = Caller(1, DAY_MS)
    assert all(caller.calls(day * DAY_MS) for day in range(100))


def test_two_alarms_a_day_wait_for_nothing_for_a_week() -> None:
    caller = Caller(3, INTERVAL_MS)
    for day in range(7):
        assert caller.calls(day * DAY_MS)
        assert caller.calls(day * DAY_MS + 8 * HOUR_MS)


def test_each_day_of_rest_makes_good_a_call_but_not_more_than_there_were() -> None:
    caller = Caller(3, INTERVAL_MS)
    for _ in range(3):
        caller.calls(0)
    assert [caller.calls(DAY_MS) for _ in range(2)] == [True, False]
    assert [caller.calls(20 * DAY_MS) for _ in range(4)] == [True, True, True, False]


def test_after_days_of_rest_the_wait_is_short_again() -> None:
    caller = Caller(3, INTERVAL_MS)
    end_ms = caller.flap(0, 30 * DAY_MS, HOUR_MS)[-1]
    rested_ms = end_ms + 10 * DAY_MS
    called = [caller.calls(rested_ms) for _ in range(4)]
    assert called == [True, True, True, False]
    assert caller.ready_at_ms(rested_ms) == rested_ms + INTERVAL_MS


def test_without_an_interval_every_call_is_allowed() -> None:
    caller = Caller(1, 0)
    assert [caller.calls(7) for _ in range(100)] == [True] * 100


def test_the_shortest_interval_comes_to_a_day_as_well() -> None:
    caller = Caller(1, 1000)
    called = caller.flap(0, 3 * DAY_MS, 8000)
    assert 18 <= len(called) <= 21


def test_a_shorter_interval_holds_at_once() -> None:
    caller = Caller(1, DAY_MS)
    assert caller.calls(0)
    caller.interval_ms = MINUTE_MS
    assert caller.ready_at_ms(10) == MINUTE_MS
    assert not caller.calls(MINUTE_MS - 1)
    assert caller.calls(MINUTE_MS)


def test_fewer_calls_hold_at_once() -> None:
    caller = Caller(20, INTERVAL_MS)
    for _ in range(3):
        caller.calls(0)
    caller.calls_max = 1
    assert not caller.calls(0)
    assert caller.ready_at_ms(0) == 4 * INTERVAL_MS


def test_the_clock_may_start_anywhere() -> None:
    caller = Caller(1, INTERVAL_MS)
    assert caller.calls(-DAY_MS)
    assert not caller.calls(-DAY_MS + INTERVAL_MS - 1)
    assert caller.calls(-DAY_MS + INTERVAL_MS)
