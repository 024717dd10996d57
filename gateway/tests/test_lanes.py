"""The lanes of one fetch: which readings, how many of each lane, and what is historical."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from peers.bookkeeping import EPOCH, Bookkeeping
from weir_gateway import lanes
from weir_gateway.lanes import FETCH_MAX, LIVE_MAX, METERS_MAX
from weir_gateway.store import replay
from weir_gateway.store.rows import ReadingKey

A, B, C = 1, 2, 3
BACKLOG = FETCH_MAX - LIVE_MAX

Sent = tuple[int, int, bool]
"""meter, sequence, historical."""


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Bookkeeping]:
    kept = Bookkeeping(tmp_path / "weir.db")
    yield kept
    kept.connection.close()


def hold(books: Bookkeeping, meter_id: int, count: int) -> None:
    books.hello(meter_id=meter_id)
    books.span(0, count - 1, meter_id=meter_id)


def fetch(
    books: Bookkeeping,
    turn: Iterable[int],
    live: Iterable[int] = (),
    in_hand: Iterable[ReadingKey] = (),
) -> tuple[list[Sent], list[int]]:
    held = {
        meter_id: frozenset(key for key in in_hand if key[0] == meter_id)
        for meter_id in (*turn, *live)
    }
    fetched = lanes.fetch(
        books.connection, {one: held[one] for one in turn}, {one: held[one] for one in live}
    )
    documents = [json.loads(message.payload) for message in fetched.messages]
    sent = [(one["meter_id"], one["sequence"], one["historical"]) for one in documents]
    return sent, fetched.unfinished


def test_a_single_meter_gets_the_whole_backlog_lane(books: Bookkeeping) -> None:
    hold(books, A, 1000)
    sent, unfinished = fetch(books, [A])
    assert sent == [(A, sequence, True) for sequence in range(BACKLOG)]
    assert unfinished == [A]


def test_what_is_left_is_known_to_the_reading(books: Bookkeeping) -> None:
    hold(books, A, BACKLOG)
    hold(books, B, BACKLOG + 1)
    assert fetch(books, [A])[1] == []
    assert fetch(books, [B])[1] == [B]


def test_meters_share_the_backlog_lane_alike(books: Bookkeeping) -> None:
    for meter_id in (A, B, C):
        hold(books, meter_id, 300)
    sent, unfinished = fetch(books, [A, B, C])
    assert [one[0] for one in sent] == [A] * 64 + [B] * 64 + [C] * 64
    assert unfinished == [A, B, C]


def test_as_many_meters_as_share_a_fetch_get_something_each(books: Bookkeeping) -> None:
    meters = range(1, METERS_MAX + 1)
    for meter_id in meters:
        hold(books, meter_id, 10)
    sent, _ = fetch(books, meters)
    assert {one[0] for one in sent} == set(meters)
    assert len(sent) == BACKLOG


def test_the_newest_of_a_meter_goes_ahead_of_all_however_few_of_its_own_wait(
    books: Bookkeeping,
) -> None:
    hold(books, A, BACKLOG)
    hold(books, B, 2)
    hold(books, C, 1)
    sent, _ = fetch(books, [A], [B, C])
    assert sent[:3] == [(B, 1, False), (C, 0, False), (A, 0, True)]
    assert fetch(books, [B], [C], [(B, EPOCH, 1)])[0] == [(C, 0, False), (B, 0, True)]


def test_what_goes_out_whole_keeps_its_order_and_the_rest_comes_behind_its_newest(
    books: Bookkeeping,
) -> None:
    hold(books, A, BACKLOG)
    hold(books, B, BACKLOG + 1)
    whole = [(A, sequence, sequence < BACKLOG - 1) for sequence in range(BACKLOG)]
    assert fetch(books, [A], [A])[0] == whole
    assert fetch(books, [B], [B])[0][:2] == [(B, BACKLOG, False), (B, 0, True)]


def test_what_is_in_hand_is_not_sent_again(books: Bookkeeping) -> None:
    hold(books, A, FETCH_MAX + 5)
    oldest = [(A, EPOCH, sequence) for sequence in range(5)]
    assert fetch(books, [A], [A], oldest)[0][:2] == [(A, FETCH_MAX + 4, False), (A, 5, True)]
    newest = [(A, EPOCH, FETCH_MAX + 4)]
    assert fetch(books, [A], [A], newest)[0][0] == (A, 0, True)


def test_the_newest_of_what_is_replayed_is_historical_and_goes_ahead_of_nothing(
    books: Bookkeeping,
) -> None:
    hold(books, A, 2 * FETCH_MAX)
    books.connection.execute("UPDATE readings SET published = 1")
    keys = [(A, EPOCH, sequence) for sequence in range(2 * FETCH_MAX)]
    replay.unpublish(books.connection, keys)
    assert fetch(books, [A], [A])[0][0] == (A, 0, True)
    replayed = keys[:-3]
    sent, unfinished = fetch(books, [A], [A], replayed)
    assert (sent, unfinished) == ([(one[0], one[2], True) for one in keys[-3:]], [])


def test_a_meter_without_anything_costs_nothing(books: Bookkeeping) -> None:
    books.hello(meter_id=A)
    assert fetch(books, [A], [A, B]) == ([], [])
    assert fetch(books, [], []) == ([], [])
