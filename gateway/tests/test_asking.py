"""Asking: what is missing is asked for once, and again only when it cannot be under way."""

import pytest

from weir_gateway import asking
from weir_gateway.asking import PATIENCE_S, Asking
from weir_gateway.store.sequences import Range, without

METER = 1001


class Desk:
    """An Asking with a clock in the test's hands."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.asking = Asking(lambda: self.now_s)

    def decide(
        self, *missing: Range, came: tuple[Range, ...] = (), anew: bool = False, meter: int = METER
    ) -> list[Range]:
        return [*self.asking.decide(meter, missing, came, anew=anew)]


def test_nothing_is_asked_when_nothing_is_missing() -> None:
    assert Desk().decide(anew=True) == []


def test_what_is_missing_is_asked_for_once() -> None:
    desk = Desk()
    assert desk.decide((5, 7), (9, 9)) == [(5, 7), (9, 9)]
    assert desk.decide((5, 7), (9, 9), came=((20, 30),)) == []
    assert desk.decide((6, 7), (9, 9), came=((5, 5),)) == []


def test_the_next_is_asked_for_when_all_that_was_asked_for_has_come() -> None:
    desk = Desk()
    desk.decide((5, 7), (9, 9))
    assert desk.decide((9, 9), (40, 41), came=((4, 8),)) == []
    assert desk.decide((40, 41), came=((9, 9),)) == [(40, 41)]


def test_a_meter_that_has_forgotten_is_asked_anew() -> None:
    desk = Desk()
    desk.decide((5, 7))
    assert desk.decide((5, 7), (9, 9), anew=True) == [(5, 7), (9, 9)]


def test_what_does_not_come_is_asked_for_again_after_a_while() -> None:
    desk = Desk()
    desk.decide((0, 9))
    desk.now_s += PATIENCE_S - 1
    assert desk.decide((1, 9), came=((0, 0),)) == []
    desk.now_s += PATIENCE_S - 1
    assert desk.decide((1, 9), came=((50, 60),)) == []  # the last of it came a moment ago
    desk.now_s += 1
    assert desk.decide((1, 9), came=((61, 70),)) == [(1, 9)]


def test_meters_are_asked_apart() -> None:
    desk = Desk()
    assert desk.decide((1, 2)) == [(1, 2)]
    assert desk.decide((1, 2), meter=7) == [(1, 2)]
    assert desk.decide((1, 2)) == []


def test_what_was_asked_of_the_longest_quiet_meter_is_forgotten_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asking, "METERS_MAX", 2)
    desk = Desk()
    for meter in (1, 2, 1, 3):
        desk.decide((1, 2), meter=meter)
    assert desk.decide((1, 2), meter=1) == []
    assert desk.decide((1, 2), meter=2) == [(1, 2)]


def test_a_meter_that_answers_in_crumbs_costs_bounded_memory() -> None:
    desk = Desk()
    desk.decide((0, 100_000))
    for sequence in range(1, 2000, 2):
        assert desk.decide((0, 100_000), came=((sequence, sequence),)) == []
    (asked,) = desk.asking._asked.values()
    assert len(asked.ranges) <= 96


@pytest.mark.parametrize(
    ("taken", "left"),
    [
        ([], [(5, 9), (20, 20)]),
        ([(0, 4), (10, 19), (21, 30)], [(5, 9), (20, 20)]),
        ([(0, 6)], [(7, 9), (20, 20)]),
        ([(8, 25)], [(5, 7)]),
        ([(6, 6), (8, 8)], [(5, 5), (7, 7), (9, 9), (20, 20)]),
        ([(5, 20)], []),
    ],
)
def test_ranges_are_cut_where_something_is_taken_out(
    taken: list[Range], left: list[Range]
) -> None:
    assert without([(5, 9), (20, 20)], taken) == left
