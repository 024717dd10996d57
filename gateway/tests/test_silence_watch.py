"""A meter that misses its sessions is silent; one that the gateway could not hear is not."""

import pytest

from peers.watch_post import WatchPost
from weir_gateway.event_names import GatewayCode
from weir_gateway.watch.silence import SilenceWatch, Stretch
from weir_protocol.schedule import SendPlan

METER, OTHER = 1001, 2002
HOUR_S = 3600
DAY_S = 24 * HOUR_S
GRACE_S = 900


class Silence(WatchPost):
    def __init__(self, plan: SendPlan, speed: float = 1.0) -> None:
        super().__init__(speed)
        self.plan = plan
        self.start()

    def start(self) -> None:
        """Begin with nothing in memory, as after a restart of the gateway."""
        self.watch = SilenceWatch(
            self.desk, self.clock, 2, GRACE_S, monotonic_s=lambda: self.monotonic_s
        )

    def pass_time(self, seconds: float, step_s: float = 60.0) -> None:
        for _ in range(round(seconds / step_s)):
            self.later(step_s)
            self.watch.check()

    def to_slot(self, after_s: float = 0.0) -> None:
        """Go on until so long after the meter's next send time."""
        due_s = self.plan.next_ms(METER, self.now_ms) / 1000 + after_s
        self.pass_time(due_s - self.clock.now_s(), (due_s - self.clock.now_s()) / 100)


@pytest.fixture
def daily() -> Silence:
    post = Silence(SendPlan(DAY_S, slot_s=3 * HOUR_S))
    post.watch.learn(METER, post.plan)
    return post


def test_a_meter_that_calls_in_its_slot_is_never_silent(daily: Silence) -> None:
    for _ in range(10):
        daily.to_slot(after_s=60)
        daily.watch.hear(METER)
    assert daily.found() == []


def test_silence_is_raised_when_the_second_session_is_missed_and_cleared_by_a_word(
    daily: Silence,
) -> None:
    daily.to_slot()
    daily.to_slot(after_s=GRACE_S - 60)
    assert daily.found() == []
    daily.pass_time(120)
    assert daily.found() == [(METER, "silence", "RAISE", 2, 2)]
    daily.pass_time(3 * DAY_S, HOUR_S)
    assert daily.found() == []
    daily.watch.hear(METER)
    assert daily.found() == [(METER, "silence", "CLEAR", 0, 2)]
    assert daily.noted == [METER, METER]


def test_one_session_that_fails_is_no_silence(daily: Silence) -> None:
    for _ in range(4):
        daily.to_slot(after_s=2 * HOUR_S)
        daily.to_slot(after_s=60)
        daily.watch.hear(METER)
    assert daily.found() == []


def test_a_call_a_little_before_its_time_counts_as_the_one_that_is_due(daily: Silence) -> None:
    for _ in range(3):
        daily.to_slot(after_s=-5)
        daily.watch.hear(METER)
    daily.to_slot(after_s=60)
    daily.to_slot(after_s=GRACE_S + 60)
    assert daily.found() == []


def test_a_call_by_an_alarm_between_two_sessions_delays_nothing(daily: Silence) -> None:
    daily.to_slot(after_s=60)
    daily.watch.hear(METER)
    daily.pass_time(12 * HOUR_S, HOUR_S)
    daily.watch.hear(METER)
    daily.to_slot()
    daily.to_slot(after_s=GRACE_S + 60)
    assert [one[2] for one in daily.found()] == ["RAISE"]


def test_after_an_outage_of_the_gateway_nobody_is_silent_for_what_was_missed_then(
    daily: Silence,
) -> None:
    heard_ms = daily.now_ms
    stretch: Stretch = (heard_ms - 5 * DAY_S * 1000, heard_ms + HOUR_S * 1000)
    daily.later(30 * DAY_S)
    daily.start()
    for meter_id in range(100, 200):
        daily.watch.begin(meter_id, daily.plan, heard_ms, [stretch])
    daily.watch.check()
    daily.pass_time(23 * HOUR_S, HOUR_S)
    assert daily.found() == []


def test_what_a_meter_missed_while_the_gateway_was_there_counts_over_its_restarts(
    daily: Silence,
) -> None:
    heard_ms = daily.now_ms
    stretches: list[Stretch] = []
    for _ in range(3):  # a restart at each noon; the slot is at night
        begun_ms = daily.now_ms
        daily.later(DAY_S - 60)
        stretches.append((begun_ms, daily.now_ms))
        daily.later(60)
    daily.start()
    daily.watch.begin(METER, daily.plan, heard_ms, stretches)
    daily.watch.begin(OTHER, daily.plan, daily.now_ms - HOUR_S * 1000, stretches)
    daily.later(1)
    daily.watch.check()
    assert daily.found() == [(METER, "silence", "RAISE", 3, 2)]


@pytest.mark.parametrize("jump_s", [10 * DAY_S, -10 * DAY_S])
def test_a_clock_of_the_gateway_that_is_set_makes_nobody_silent(
    daily: Silence, jump_s: float
) -> None:
    daily.machine_s += jump_s
    daily.watch.check()
    daily.pass_time(DAY_S - HOUR_S, HOUR_S / 2)
    assert daily.found() == []
    daily.pass_time(2 * DAY_S, HOUR_S / 2)
    assert [one[2] for one in daily.found()] == ["RAISE"]


def test_a_meter_that_was_never_heard_has_no_plan_to_miss(daily: Silence) -> None:
    daily.pass_time(10 * DAY_S, HOUR_S)
    assert [one[0] for one in daily.found()] == [METER]
    daily.watch.hear(OTHER)
    assert daily.found() == []


def test_a_new_plan_counts_from_when_it_is_told(daily: Silence) -> None:
    daily.watch.learn(METER, SendPlan(31 * DAY_S))
    daily.pass_time(31 * DAY_S, 6 * HOUR_S)
    assert daily.found() == []
    daily.watch.learn(METER, SendPlan(HOUR_S))
    daily.pass_time(3 * HOUR_S)
    assert [one[2] for one in daily.found()] == ["RAISE"]


def test_a_session_is_missed_after_half_an_interval_however_long_the_grace() -> None:
    post = Silence(SendPlan(GRACE_S, slot_s=450))
    post.watch.learn(METER, post.plan)
    post.to_slot(after_s=1)
    post.to_slot(after_s=GRACE_S / 2 - 10)
    assert post.found() == []
    post.pass_time(20, 1)
    assert post.found() == [(METER, "silence", "RAISE", 2, 2)]


def test_on_a_fast_calendar_a_meter_gets_seconds_that_are_real() -> None:
    post = Silence(SendPlan(900), speed=3600)
    post.watch.learn(METER, post.plan)
    post.pass_time(14, 0.5)
    assert post.found() == []
    post.pass_time(4, 0.5)
    assert [one[2] for one in post.found()] == ["RAISE"]


def test_what_the_database_did_not_take_is_raised_again(daily: Silence) -> None:
    daily.is_durable = False
    daily.pass_time(4 * DAY_S, HOUR_S)
    assert (daily.found(), daily.noted) == ([], [])
    assert not daily.desk.is_active(METER, GatewayCode.SILENCE)
    daily.is_durable = True
    daily.watch.check()
    assert [one[2] for one in daily.found()] == ["RAISE"]
    daily.is_durable = False
    daily.watch.hear(METER)
    assert daily.desk.is_active(METER, GatewayCode.SILENCE)
