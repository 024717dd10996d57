"""A change that a newer one has superseded is not lost: it goes on by that, or waits again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from peers.bookkeeping import METER
from peers.settings_desk import Desk, sent
from weir_gateway.settings.decide import decide
from weir_gateway.settings.wish import read_wish
from weir_gateway.store.settings import behind, versions
from weir_protocol.frames import KEY_COUNT, Outcome, Reason

LEAK = {"leak_gap_s": 600}
FAST = {"sample_interval_s": 30}
SLOW = {"store_interval_s": 1800}
LEAK_KEY, FAST_KEY, SLOW_KEY = 42, 1, 2
MINUTE_MS = 60_000


class Counter(Desk):
    """Where Ada, Bob and Cy ask, each for a change built on what is desired already."""

    def want(self, by: str, settings: dict[str, Any], expires_s: int | None = None) -> None:
        fields = {"settings": settings, "by": by, "expires_s": expires_s}
        wish = read_wish(fields, by, f"of {by}", is_local=True)
        decide(self.connection, METER, wish, 0, self.now_ms)

    def refuse(self, version: int, in_force: int = 0) -> Any:
        reasons = {FAST_KEY: Reason.OUT_OF_RANGE}
        return self.report(in_force, Outcome.REFUSED, about=version, items=reasons)

    def of(self, by: str) -> list[tuple[int, str]]:
        """Return version and state of each change of one of them."""
        return [(one.version, one.state) for one in self.changes() if one.made_by == by]

    def carriers(self) -> list[int | None]:
        return [one.carried_by for one in self.changes()]

    def heard(self, by: str) -> list[str]:
        """Return the states that were told to one of them."""
        found = enumerate(self.changes(), 1)
        numbers = {number for number, one in found if one.request_id == f"of {by}"}
        return [state for number, state in self.told() if number in numbers]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Counter]:
    kept = Counter(tmp_path / "weir.db")
    yield kept
    kept.connection.close()


def test_a_change_waits_again_when_the_one_built_on_it_expires(desk: Counter) -> None:
    desk.want("Ada", LEAK)
    desk.want("Bob", FAST, expires_s=60)
    desk.now_ms += MINUTE_MS
    assert sent(desk.span(0, 0)) == {3: {KEY_COUNT: 1, LEAK_KEY: 600}}
    assert desk.of("Ada") == [(1, "superseded"), (3, "sent")]
    assert desk.of("Bob") == [(2, "expired")]
    desk.applied(3, LEAK)
    assert desk.heard("Ada") == ["pending", "superseded", "pending", "sent", "applied", "applied"]
    assert desk.heard("Bob") == ["pending", "expired"]


def test_a_change_waits_again_when_the_one_built_on_it_is_refused(desk: Counter) -> None:
    desk.want("Ada", LEAK)
    desk.want("Bob", FAST)
    desk.span(0, 0)
    assert sent(desk.refuse(2)) == {3: {KEY_COUNT: 1, LEAK_KEY: 600}}
    newest = desk.changes()[-1]
    assert (newest.made_by, newest.request_id, newest.changes) == ("Ada", "of Ada", LEAK)
    assert (newest.renews, newest.cause) == (desk.changes()[0].number, "asked")


def test_a_change_waits_again_when_the_one_built_on_it_is_rolled_back(desk: Counter) -> None:
    desk.want("Ada", LEAK)
    desk.want("Bob", {"link_port": 9})
    desk.span(0, 0)
    desk.applied(2, {**LEAK, "link_port": 9})
    assert desk.of("Ada") == [(1, "applied")]
    desk.report(0, Outcome.ROLLED_BACK, about=2)
    assert desk.of("Ada") == [(1, "superseded"), (3, "pending")]
    assert desk.of("Bob") == [(2, "rolled_back")]
    assert sent(desk.report(0)) == {3: {KEY_COUNT: 1, LEAK_KEY: 600}}
    desk.applied(3, LEAK)
    assert desk.of("Ada") == [(1, "applied"), (3, "applied")]


def test_what_waits_again_has_its_own_expiry(desk: Counter) -> None:
    desk.want("Ada", LEAK, expires_s=120)
    desk.want("Bob", FAST, expires_s=60)
    desk.now_ms += MINUTE_MS
    behind.expire(desk.connection, desk.now_ms)
    assert desk.of("Ada") == [(1, "superseded"), (3, "pending")]
    desk.now_ms += MINUTE_MS
    assert sent(desk.span(0, 0)) == {}
    assert desk.of("Ada") == [(1, "superseded"), (3, "expired")]


def test_what_expired_before_does_not_wait_again(desk: Counter) -> None:
    desk.want("Ada", LEAK, expires_s=30)
    desk.want("Bob", FAST, expires_s=60)
    desk.now_ms += MINUTE_MS
    assert sent(desk.span(0, 0)) == {}
    assert (desk.of("Ada"), desk.of("Bob")) == ([(1, "expired")], [(2, "expired")])
    assert desk.heard("Ada") == ["pending", "superseded", "expired"]


def test_one_failure_after_the_other_takes_off_one_change_after_the_other(desk: Counter) -> None:
    desk.want("Ada", LEAK)
    desk.want("Bob", SLOW)
    desk.want("Cy", FAST)
    desk.span(0, 0)
    assert sent(desk.refuse(3)) == {4: {KEY_COUNT: 2, LEAK_KEY: 600, SLOW_KEY: 1800}}
    assert desk.of("Bob") == [(2, "superseded"), (4, "sent")]
    assert sent(desk.refuse(4)) == {5: {KEY_COUNT: 1, LEAK_KEY: 600}}
    assert desk.of("Ada") == [(1, "superseded"), (5, "sent")]
    assert sent(desk.refuse(5)) == {}
    assert desk.desired() == {}


def test_a_value_that_expired_does_not_ride_along_in_a_newer_change(desk: Counter) -> None:
    desk.want("Ada", LEAK, expires_s=60)
    desk.want("Bob", FAST)
    desk.now_ms += MINUTE_MS
    assert behind.has_expired(desk.connection, desk.now_ms)
    assert sent(desk.span(0, 0)) == {3: {KEY_COUNT: 1, FAST_KEY: 30}}
    assert desk.of("Ada") == [(1, "expired")]
    assert desk.of("Bob") == [(2, "superseded"), (3, "sent")]
    assert not behind.has_expired(desk.connection, desk.now_ms)
    desk.applied(3, FAST)
    assert desk.of("Bob") == [(2, "applied"), (3, "applied")]


def test_a_value_that_was_replaced_expires_without_a_new_version(desk: Counter) -> None:
    desk.want("Ada", LEAK, expires_s=60)
    desk.want("Bob", {"leak_gap_s": 700})
    desk.now_ms += MINUTE_MS
    behind.expire(desk.connection, desk.now_ms)
    assert desk.of("Ada") == [(1, "expired")]
    assert desk.of("Bob") == [(2, "pending")]


def test_who_asked_first_hears_by_which_version_it_goes_on_and_that_it_is_in_force(
    desk: Counter,
) -> None:
    desk.want("Ada", LEAK)
    desk.want("Bob", SLOW)
    assert desk.carriers() == [2, None]
    desk.want("Cy", FAST)
    assert desk.carriers() == [3, 3, None]
    desk.span(0, 0)
    desk.applied(3, {**LEAK, **SLOW, **FAST})
    assert [one.state for one in desk.changes()] == ["applied"] * 3
    assert desk.heard("Ada") == ["pending", "superseded", "applied"]
    assert desk.carriers() == [3, 3, None]
    assert desk.desired() == {**LEAK, **SLOW, **FAST}


def test_a_change_whose_values_were_replaced_is_carried_by_none_and_waits_again(
    desk: Counter,
) -> None:
    desk.want("Ada", LEAK)
    desk.want("Bob", {"leak_gap_s": 700})
    assert desk.carriers() == [None, None]
    desk.span(0, 0)
    assert sent(desk.refuse(2)) == {3: {KEY_COUNT: 1, LEAK_KEY: 600}}
    desk.applied(3, LEAK)
    desk.want("Bob", {"leak_gap_s": 700})
    desk.span(1, 1)
    desk.applied(4, {"leak_gap_s": 700})
    assert desk.of("Ada") == [(1, "applied"), (3, "applied")]


def test_a_change_that_replaced_another_is_not_what_that_asked_for(desk: Counter) -> None:
    desk.want("Ada", LEAK)
    desk.want("Bob", {"leak_gap_s": 700})
    desk.span(0, 0)
    desk.applied(2, {"leak_gap_s": 700})
    assert desk.of("Ada") == [(1, "superseded")]


def test_a_version_in_force_after_it_was_superseded_is_told_and_does_not_wait_again(
    desk: Counter,
) -> None:
    desk.want("Ada", LEAK)
    desk.want("Bob", SLOW)
    desk.span(0, 0)
    desk.want("Cy", FAST)
    desk.applied(2, {**LEAK, **SLOW})
    assert desk.heard("Ada")[-1] == desk.heard("Bob")[-1] == "applied"
    assert sent(desk.refuse(3, in_force=2)) == {}
    assert desk.desired() == {**LEAK, **SLOW}


def test_what_expired_on_its_way_and_is_in_force_stays_in_what_waits(desk: Counter) -> None:
    desk.want("Ada", LEAK, expires_s=60)
    desk.span(0, 0)
    desk.now_ms += MINUTE_MS
    behind.expire(desk.connection, desk.now_ms)
    desk.want("Bob", FAST)
    assert sent(desk.applied(1, LEAK)) == {3: {KEY_COUNT: 2, FAST_KEY: 30, LEAK_KEY: 600}}
    assert desk.of("Ada") == [(1, "applied")]


def test_the_carrier_is_named_by_the_version_that_it_has_in_the_end(desk: Counter) -> None:
    desk.want("Ada", LEAK)
    desk.want("Bob", FAST)
    desk.hello(settings_version=700)
    desk.report(700)
    assert desk.carriers()[0] == desk.changes()[-1].version == 701


def test_nothing_that_waits_behind_another_is_forgotten(desk: Counter) -> None:
    desk.want("Ada", LEAK)
    for number in range(versions.KEPT_MAX + 5):
        desk.want("Bob", {"store_interval_s": 1800 + number})
        desk.forget_news()
    desk.span(0, 0)
    newest = desk.changes()[-1].version
    desk.applied(newest, desk.desired())
    assert desk.of("Ada") == [(1, "applied")]
