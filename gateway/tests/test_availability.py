"""Availability: silent is not unchanged, and unknown is neither."""

import pytest

from weir_gateway.availability import MISSED_SENDS, Availability, AvailabilityWatch
from weir_gateway.clock import Clock


class Watched:
    """A watch on a hand-driven clock, with every change it told."""

    def __init__(self, speed: float = 1.0) -> None:
        self.now_s = 1000.0
        self.changes: list[tuple[int, str]] = []
        self.watch = AvailabilityWatch(
            Clock(speed=speed), self._changed, monotonic_s=lambda: self.now_s
        )

    def _changed(self, meter_id: int) -> None:
        self.changes.append((meter_id, self.watch.of(meter_id).value))

    def later(self, seconds: float) -> None:
        self.now_s += seconds
        self.watch.check()


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_a_meter_is_online_from_when_it_is_heard(watched: Watched) -> None:
    watched.watch.learn(7, 900)
    assert watched.watch.of(7) is Availability.UNKNOWN
    watched.watch.hear(7)
    watched.watch.hear(7)
    assert watched.changes == [(7, "online")]


def test_a_meter_is_silent_after_two_and_a_half_missed_sends(watched: Watched) -> None:
    watched.watch.learn(7, 900)
    watched.watch.hear(7)
    watched.later(900 * MISSED_SENDS - 1)
    assert watched.watch.of(7) is Availability.ONLINE
    watched.later(2)
    assert watched.watch.of(7) is Availability.SILENT
    watched.watch.hear(7)
    assert watched.changes == [(7, "online"), (7, "silent"), (7, "online")]


def test_after_a_start_a_known_meter_is_unknown_until_it_is_overdue(watched: Watched) -> None:
    watched.watch.learn(7, 900)
    watched.later(2249)
    assert watched.watch.of(7) is Availability.UNKNOWN
    watched.later(2)
    assert watched.watch.of(7) is Availability.SILENT


def test_a_meter_that_never_said_how_often_it_sends_stays_unknown(watched: Watched) -> None:
    watched.watch.expect([7])
    watched.later(10**9)
    assert watched.watch.of(7) is Availability.UNKNOWN
    assert watched.changes == []
    assert watched.watch.counts() == {"unknown": 1}


def test_a_fast_calendar_shortens_the_wait_down_to_a_floor() -> None:
    fast = Watched(speed=90.0)
    fast.watch.learn(7, 900)
    fast.watch.hear(7)
    fast.later(24.9)
    assert fast.watch.of(7) is Availability.ONLINE
    fast.later(0.2)
    assert fast.watch.of(7) is Availability.SILENT

    fastest = Watched(speed=1e6)
    fastest.watch.learn(7, 900)
    fastest.watch.hear(7)
    fastest.later(14.9)
    assert fastest.watch.of(7) is Availability.ONLINE


def test_a_changed_send_interval_counts_from_now_on(watched: Watched) -> None:
    watched.watch.learn(7, 60)
    watched.watch.hear(7)
    watched.watch.learn(7, 86400)
    watched.later(3600)
    assert watched.watch.of(7) is Availability.ONLINE
