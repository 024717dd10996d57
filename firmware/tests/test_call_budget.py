"""A sensor that flaps opens so many sessions at once, then one for each interval."""

from weir.schedule.call_budget import CallBudget

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
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
        self.budget.spend(now_ms, self.calls_max, self.interval_ms)
        return True

    def ready_at_ms(self, now_ms: int) -> int:
        return self.budget.ready_at_ms(now_ms, self.calls_max, self.interval_ms)


def test_so_many_calls_are_allowed_at_once_and_no_more() -> None:
    caller = Caller(3, INTERVAL_MS)
    assert [caller.calls(5) for _ in range(5)] == [True, True, True, False, False]


def test_it_says_when_the_next_call_is_allowed() -> None:
    caller = Caller(2, INTERVAL_MS)
    assert caller.ready_at_ms(5) == 5
    caller.calls(0)
    caller.calls(MINUTE_MS)
    assert caller.ready_at_ms(2 * MINUTE_MS) == INTERVAL_MS
    assert not caller.calls(INTERVAL_MS - 1)
    assert caller.calls(INTERVAL_MS)
    assert not caller.calls(INTERVAL_MS)


def test_a_day_of_flapping_is_a_call_for_each_interval_beside_the_first() -> None:
    caller = Caller(3, INTERVAL_MS)
    called = sum(caller.calls(now_ms) for now_ms in range(0, DAY_MS, 10_000))
    assert called == 3 + DAY_MS // INTERVAL_MS - 1


def test_after_a_rest_all_calls_are_allowed_again_but_not_more() -> None:
    caller = Caller(3, INTERVAL_MS)
    for _ in range(3):
        caller.calls(0)
    assert [caller.calls(DAY_MS) for _ in range(4)] == [True, True, True, False]


def test_without_an_interval_every_call_is_allowed() -> None:
    caller = Caller(1, 0)
    assert [caller.calls(7) for _ in range(10)] == [True] * 10


def test_a_shorter_interval_holds_at_once() -> None:
    caller = Caller(1, DAY_MS)
    assert caller.calls(0)
    caller.interval_ms = MINUTE_MS
    assert caller.ready_at_ms(10) == 10 + MINUTE_MS
    assert not caller.calls(9 + MINUTE_MS)
    assert caller.calls(10 + MINUTE_MS)


def test_fewer_calls_hold_at_once() -> None:
    caller = Caller(20, INTERVAL_MS)
    for _ in range(3):
        caller.calls(0)
    caller.calls_max = 1
    assert not caller.calls(0)
    assert caller.calls(INTERVAL_MS)
    assert not caller.calls(INTERVAL_MS)


def test_the_clock_may_start_anywhere() -> None:
    caller = Caller(1, INTERVAL_MS)
    assert caller.calls(-DAY_MS)
    assert not caller.calls(-DAY_MS + INTERVAL_MS - 1)
    assert caller.calls(-DAY_MS + INTERVAL_MS)
