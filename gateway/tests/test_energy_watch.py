"""A meter that calls more often than its settings plan spends its battery too fast."""

import pytest

from peers.watch_post import WatchPost
from weir_gateway.endurance import LISTENING_MA, SESSION_MC, charges_mc_a_day
from weir_gateway.watch.energy import PAUSE_S, DayPlan, EnergyWatch
from weir_protocol.settings import defaults

METER = 1001
DAY_S = 86_400
USUAL = {"send_interval_s": DAY_S}


class Energy(WatchPost):
    def __init__(self, percent_max: int = 200) -> None:
        super().__init__()
        self.percent_max = percent_max
        self.start()
        self.later(DAY_S - self.clock.now_s() % DAY_S)  # the days of this test begin at midnight
        self.watch.check()

    def start(self) -> None:
        """Begin with nothing in memory, as after a restart of the gateway."""
        self.watch = EnergyWatch(self.desk, self.clock, self.percent_max, lambda: self.monotonic_s)
        self.watch.learn(METER, USUAL)

    def call(self, times: int, every_s: float = 600) -> None:
        for _ in range(times):
            self.watch.hear(METER)
            self.later(every_s)
            self.watch.check()

    def end_day(self) -> None:
        self.later(DAY_S - self.clock.now_s() % DAY_S)
        self.watch.check()

    def sessions_for(self, percent: int) -> int:
        """Return with how many sessions a day costs more than this."""
        plan = DayPlan.of(USUAL)
        return next(count for count in range(1000) if plan.percent(count) > percent)


@pytest.fixture
def energy() -> Energy:
    return Energy()


def test_a_planned_day_costs_what_is_planned() -> None:
    planned = charges_mc_a_day({**defaults(), **USUAL})
    share = planned["alarms"] / sum(planned.values())
    assert DayPlan.of(USUAL).percent(1) == round(100 * (1 - share))


def test_each_session_costs_itself_and_its_receive_window() -> None:
    values = {**USUAL, "receive_window_s": 100}
    plan = DayPlan.of(values)
    assert plan.session_mc == SESSION_MC + 100 * LISTENING_MA
    assert plan.percent(40) > DayPlan.of(USUAL).percent(40)


def test_days_as_planned_raise_nothing(energy: Energy) -> None:
    for _ in range(10):
        energy.call(2)
        energy.end_day()
    assert energy.found() == []


def test_too_many_sessions_raise_the_alarm_until_a_day_is_well_below(energy: Energy) -> None:
    count = energy.sessions_for(200)
    energy.call(count - 1)
    assert energy.found() == []
    energy.call(1)
    percent = DayPlan.of(USUAL).percent(count)
    assert energy.found() == [(METER, "energy", "RAISE", percent, 200)]
    energy.call(3)
    energy.end_day()
    energy.call(energy.sessions_for(160))
    energy.end_day()
    assert energy.found() == []
    energy.call(energy.sessions_for(160) - 1)
    energy.end_day()
    assert [one[1:3] for one in energy.found()] == [("energy", "CLEAR")]


def test_a_day_of_which_the_gateway_missed_the_beginning_clears_nothing(energy: Energy) -> None:
    energy.call(energy.sessions_for(200))
    assert [one[2] for one in energy.found()] == ["RAISE"]
    energy.start()
    energy.call(1)
    energy.end_day()
    assert energy.found() == []
    energy.later(DAY_S)  # the machine slept over a midnight
    energy.end_day()
    assert energy.found() == []
    energy.end_day()
    assert [one[2] for one in energy.found()] == ["CLEAR"]


def test_many_frames_in_one_session_are_one_session(energy: Energy) -> None:
    energy.call(500, every_s=PAUSE_S / 2)
    assert energy.found() == []


def test_a_receive_window_is_part_of_its_session(energy: Energy) -> None:
    energy.watch.learn(METER, {**USUAL, "receive_window_s": 300})
    energy.call(200, every_s=300)
    assert energy.found() == []


def test_a_link_that_is_never_let_go_has_no_sessions_to_count(energy: Energy) -> None:
    energy.watch.learn(METER, {**USUAL, "link_hold": 1})
    energy.call(100)
    assert energy.found() == []


def test_a_meter_that_plans_more_sessions_may_have_them(energy: Energy) -> None:
    energy.watch.learn(METER, {"send_interval_s": 900})
    energy.call(96, every_s=899)
    assert energy.found() == []


def test_a_meter_without_a_known_plan_is_not_judged(energy: Energy) -> None:
    for _ in range(300):
        energy.watch.hear(4711)
        energy.later(600)
    assert energy.found() == []
