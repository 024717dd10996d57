"""Refusals: counted one by one, logged at most once a minute per source."""

import logging

import pytest

from weir_gateway.counters import OTHERS, SOURCES_MAX, RejectCounters


class Ticking:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Ticking:
    return Ticking()


def test_refusals_are_counted_by_source_and_reason(clock: Ticking) -> None:
    counters = RejectCounters(clock)
    counters.reject("tcp 10.0.0.1", "replay", "counter 7")
    counters.reject("tcp 10.0.0.1", "malformed", "junk", 3)
    counters.reject("serial a", "replay", "counter 8")
    assert counters.by_source() == {
        "tcp 10.0.0.1": {"replay": 1, "malformed": 3},
        "serial a": {"replay": 1},
    }
    assert counters.totals == {"replay": 2, "malformed": 3}


def test_a_source_is_logged_once_a_minute_with_what_came_meanwhile(
    clock: Ticking, caplog: pytest.LogCaptureFixture
) -> None:
    counters = RejectCounters(clock)
    for _ in range(100):
        counters.reject("tcp 10.0.0.1", "replay", "counter 7")
    assert [record.getMessage() for record in caplog.records] == [
        "refused from tcp 10.0.0.1: replay 1 (last: counter 7)"
    ]

    clock.now_s += 59.9
    counters.log_due()
    assert len(caplog.records) == 1

    clock.now_s += 0.1
    counters.log_due()
    counters.log_due()
    assert caplog.messages[1:] == ["refused from tcp 10.0.0.1: replay 99 (last: counter 7)"]


def test_one_noisy_source_does_not_silence_another(
    clock: Ticking, caplog: pytest.LogCaptureFixture
) -> None:
    counters = RejectCounters(clock)
    with caplog.at_level(logging.WARNING):
        counters.reject("a", "replay", "x")
        counters.reject("a", "replay", "x")
        counters.reject("b", "replay", "x")
    assert len(caplog.records) == 2


def test_a_flood_from_many_sources_stays_bounded(clock: Ticking) -> None:
    counters = RejectCounters(clock)
    for number in range(SOURCES_MAX + 500):
        counters.reject(f"tcp {number}", "malformed", "junk")
    found = counters.by_source()
    assert len(found) == SOURCES_MAX + 1
    assert found[OTHERS] == {"malformed": 500}
    assert counters.totals["malformed"] == SOURCES_MAX + 500
