"""Gaps: whatever arrives in whatever order, what is missing is known exactly."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir_gateway.store import schema
from weir_gateway.store.gaps import Gaps
from weir_gateway.store.sequences import reading_id, runs, unwrap, wrap

START = 100


def make_gaps() -> Gaps:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(";".join(schema.MIGRATIONS))
    return Gaps(connection, meter_id=1, epoch=2, sequence_next=START, now_ms=0)


def ranges(gaps: Gaps) -> list[tuple[int, int, str]]:
    return gaps.connection.execute(
        "SELECT first_sequence, last_sequence, state FROM gaps ORDER BY first_sequence"
    ).fetchall()


def test_what_comes_in_order_leaves_no_gap() -> None:
    gaps = make_gaps()
    gaps.hold(100, 104)
    gaps.hold(105, 105)
    assert ranges(gaps) == []
    assert gaps.resume_at() == 106


def test_what_is_skipped_is_open_until_it_comes() -> None:
    gaps = make_gaps()
    gaps.hold(110, 119)
    assert ranges(gaps) == [(100, 109, "open")]
    assert gaps.resume_at() == 100

    gaps.hold(104, 105)
    assert ranges(gaps) == [(100, 103, "open"), (104, 105, "closed"), (106, 109, "open")]
    assert gaps.resume_at() == 100

    gaps.hold(100, 103)
    gaps.hold(106, 109)
    assert ranges(gaps) == [(100, 103, "closed"), (104, 109, "closed")]
    assert gaps.resume_at() == 120


def test_a_gap_that_closes_piece_by_piece_stays_one_range() -> None:
    gaps = make_gaps()
    gaps.hold(200, 200)
    for sequence in range(100, 200):
        gaps.hold(sequence, sequence)
    assert ranges(gaps) == [(100, 199, "closed")]


def test_only_what_is_missing_can_be_lost() -> None:
    gaps = make_gaps()
    gaps.hold(110, 119)
    assert gaps.lose(105, 112) == 5
    assert ranges(gaps) == [(100, 104, "open"), (105, 109, "lost")]
    assert gaps.resume_at() == 100
    assert gaps.lose(100, 104) == 5
    assert gaps.resume_at() == 120


def test_what_is_lost_ahead_moves_the_resume_point_over_it() -> None:
    gaps = make_gaps()
    assert gaps.lose(100, 149) == 50
    assert gaps.resume_at() == 150
    assert gaps.lose(160, 169) == 10
    assert ranges(gaps) == [(100, 149, "lost"), (150, 159, "open"), (160, 169, "lost")]
    assert gaps.resume_at() == 150


def test_what_was_lost_and_still_comes_is_closed() -> None:
    gaps = make_gaps()
    gaps.lose(100, 109)
    gaps.hold(103, 104)
    assert ranges(gaps) == [(100, 102, "lost"), (103, 104, "closed"), (105, 109, "lost")]
    assert gaps.resume_at() == 110


@given(
    st.lists(
        st.tuples(st.sampled_from(["hold", "lose"]), st.integers(90, 140), st.integers(0, 12)),
        max_size=40,
    )
)
def test_ranges_agree_with_a_plain_set(steps: list[tuple[str, int, int]]) -> None:
    gaps = make_gaps()
    held: set[int] = set()
    lost: set[int] = set()
    for act, first, extent in steps:
        span = set(range(first, first + extent + 1))
        if act == "hold":
            gaps.hold(first, first + extent)
            held |= span
            lost -= span
        else:
            below = {one for one in span if one >= START}
            if below:
                gaps.lose(min(below), max(below))
            lost |= below - held

    told = ranges(gaps)
    covered = [one for first, last, _ in told for one in range(first, last + 1)]
    assert len(covered) == len(set(covered)), "ranges overlap"
    by_state = {
        state: {
            one
            for first, last, one_state in told
            if one_state == state
            for one in range(first, last + 1)
        }
        for state in ("open", "lost", "closed")
    }
    top = max([START - 1, *held, *lost])
    missing = {one for one in range(START, top + 1) if one not in held and one not in lost}
    assert by_state["lost"] == lost
    assert by_state["open"] == missing
    assert by_state["closed"] <= held
    assert gaps.resume_at() == min(missing, default=top + 1)


@pytest.mark.parametrize("near", [0, 5, 2**31, 2**32 - 5, 2**32 + 5, 7 * 2**32 - 1])
@pytest.mark.parametrize("step", [-1000, -1, 0, 1, 5, 1000])
def test_a_sequence_is_unwrapped_to_the_nearest(near: int, step: int) -> None:
    assert unwrap(wrap(near + step), near) == near + step


def test_runs_are_cut_where_a_sequence_is_missing() -> None:
    assert runs([]) == []
    assert runs([1, 2, 3, 5, 7, 8]) == [(1, 3), (5, 5), (7, 8)]


def test_the_id_of_a_reading_names_meter_epoch_and_wire_sequence() -> None:
    assert reading_id(1001, 0x9F, 42) == "1001-0000009f-42"
    assert reading_id(1001, 0x9F, 2**32 + 3) == "1001-0000009f-3"
