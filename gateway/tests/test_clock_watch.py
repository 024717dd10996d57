"""A meter whose clock is off by more than it claims, as far as the link lets one tell."""

import pytest

from peers.watch_post import WatchPost
from weir_gateway.watch.clock_error import ClockWatch
from weir_protocol.records import TimeQuality

METER = 1001
LATENCY_S = 10
STORE_S = 900


class ClockPost(WatchPost):
    def __init__(self, speed: float = 1.0) -> None:
        super().__init__(speed)
        self.watch = ClockWatch(self.desk, self.clock, LATENCY_S, hysteresis_s=1)

    def hello(self, off_s: float, quality: int = TimeQuality.S2) -> None:
        self.watch.hear_live(METER, round(self.clock.now_s() + off_s), quality)

    def records(self, off_s: float, quality: int = TimeQuality.S2) -> None:
        self.watch.hear_past(METER, round(self.clock.now_s() + off_s), quality, STORE_S)


@pytest.fixture
def post() -> ClockPost:
    return ClockPost()


@pytest.mark.parametrize("off_s", [0, 2, 4, -2, -13, -14])
def test_a_clock_within_its_claim_raises_nothing(post: ClockPost, off_s: int) -> None:
    post.hello(off_s)
    assert post.found() == []


@pytest.mark.parametrize(("off_s", "limit_s"), [(5, 3), (-15, 13), (86_400, 3)])
def test_a_clock_beyond_its_claim_is_raised_and_cleared_by_a_right_time(
    post: ClockPost, off_s: int, limit_s: int
) -> None:
    post.hello(off_s)
    assert post.found() == [(METER, "clock", "RAISE", off_s, limit_s)]
    post.hello(1)
    assert post.found() == [(METER, "clock", "CLEAR", 1, 3)]


def test_between_the_limit_and_the_hysteresis_nothing_changes(post: ClockPost) -> None:
    post.hello(4)
    assert post.found() == []
    post.hello(5)
    assert [one[2] for one in post.found()] == ["RAISE"]
    post.hello(4)
    assert post.found() == []


@pytest.mark.parametrize("quality", [TimeQuality.UNSET, TimeQuality.WORSE, 9])
def test_a_meter_that_claims_nothing_cannot_be_wrong(post: ClockPost, quality: int) -> None:
    post.hello(86_400, quality)
    post.records(86_400, quality)
    assert post.found() == []


def test_a_worse_claim_allows_more(post: ClockPost) -> None:
    post.hello(100, TimeQuality.S128)
    assert post.found() == []


def test_a_record_can_only_show_that_a_clock_is_ahead(post: ClockPost) -> None:
    post.records(-7 * 86_400)
    assert post.found() == []
    post.records(60)
    assert post.found() == [(METER, "clock", "RAISE", 60, 3)]


def test_a_fresh_record_clears_and_one_of_the_backlog_does_not(post: ClockPost) -> None:
    post.hello(-3600)
    post.records(-7200)
    assert [one[2] for one in post.found()] == ["RAISE"]
    post.records(-STORE_S)
    assert [one[2] for one in post.found()] == ["CLEAR"]


def test_on_a_fast_calendar_the_link_still_delays_by_real_seconds() -> None:
    post = ClockPost(speed=3600)
    post.hello(-9 * 3600)
    assert post.found() == []
    post.hello(-12 * 3600)
    assert [one[2] for one in post.found()] == ["RAISE"]
