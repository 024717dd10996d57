"""The outbox: which readings wait for MQTT, and in which order."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.bookkeeping import Bookkeeping
from weir_gateway.store import outbox, queries

A, B = 1001, 1002


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Bookkeeping]:
    kept = Bookkeeping(tmp_path / "weir.db")
    yield kept
    kept.connection.close()


def waiting(books: Bookkeeping, meter_id: int, count_max: int = 100) -> list[tuple[int, int]]:
    found = outbox.oldest_unpublished(books.connection, meter_id, count_max)
    return [(one.reading.epoch, one.reading.sequence) for one in found]


def test_only_meters_with_unpublished_readings_wait(books: Bookkeeping) -> None:
    assert outbox.waiting_meters(books.connection) == []
    for meter_id in (B, 5, A):
        books.hello(meter_id=meter_id)
        books.span(0, 3, meter_id=meter_id)
    books.hello(meter_id=9)
    assert outbox.waiting_meters(books.connection) == [5, A, B]
    assert outbox.unpublished_count(books.connection) == 12

    outbox.mark_published(books.connection, [(A, books.epoch, one) for one in range(4)])
    assert outbox.waiting_meters(books.connection) == [5, B]


def test_the_oldest_come_first_even_when_they_arrived_last(books: Bookkeeping) -> None:
    books.hello()
    books.span(5, 7)
    books.span(0, 4)
    assert [sequence for _, sequence in waiting(books, A)] == list(range(8))
    assert [sequence for _, sequence in waiting(books, A, 3)] == [0, 1, 2]


def test_an_epoch_heard_earlier_comes_before_a_later_one_whatever_their_numbers(
    books: Bookkeeping,
) -> None:
    books.hello(epoch=9)
    books.span(100, 101, epoch=9)
    books.hello(epoch=3)
    books.span(0, 1, epoch=3)
    books.span(102, 102, epoch=9)
    assert waiting(books, A) == [(9, 100), (9, 101), (9, 102), (3, 0), (3, 1)]


def test_marking_counts_each_reading_once(books: Bookkeeping) -> None:
    books.hello()
    books.span(0, 9)
    keys = [(A, books.epoch, sequence) for sequence in (0, 1, 5)]
    assert outbox.mark_published(books.connection, keys) == 3
    assert outbox.mark_published(books.connection, [*keys, (A, books.epoch, 6)]) == 1
    assert [sequence for _, sequence in waiting(books, A)] == [2, 3, 4, 7, 8, 9]


def test_each_reading_brings_the_one_before_it(books: Bookkeeping) -> None:
    books.hello()
    books.span(0, 1)
    books.span(3, 3)
    found = outbox.oldest_unpublished(books.connection, A, 9)
    assert [one.reading.before_forward_pulses for one in found] == [None, 0, None]
    assert [one.reading.before_reverse_pulses for one in found] == [None, 0, None]


def test_the_order_comes_from_indexes_not_from_sorting(books: Bookkeeping) -> None:
    queries_and_values = (
        (outbox.OLDEST, (A, 10)),
        (outbox.METERS, ()),
        (outbox.COUNT, ()),
        (outbox.NEWEST, (A,)),
        (outbox.UNPUBLISHED, (A, 1, 1)),
    )
    plans = [
        books.connection.execute(f"EXPLAIN QUERY PLAN {query}", values).fetchall()
        for query, values in queries_and_values
    ]
    steps = [step[3] for plan in plans for step in plan]
    assert not [step for step in steps if "TEMP B-TREE" in step]
    assert not [step for step in steps if "SCAN r" in step and "INDEX" not in step]
    assert sum("readings_unpublished" in step for step in steps) == 4
    assert sum("COVERING INDEX readings_unpublished" in step for step in steps) == 3


def test_pages_of_readings_follow_each_other_over_epochs(books: Bookkeeping) -> None:
    books.hello(epoch=9)
    books.span(100, 104, epoch=9)
    books.hello(epoch=3)
    books.span(0, 4, epoch=3)
    seen: list[tuple[int, int]] = []
    after = None
    while page := queries.readings_after(books.connection, A, after, 3):
        seen += [(one.epoch, one.sequence) for one in page]
        after = page[-1][:3]
    assert seen == [(9, one) for one in range(100, 105)] + [(3, one) for one in range(5)]

    newest = queries.newest_readings(books.connection, A, 7)
    assert [(one.epoch, one.sequence) for one in newest] == seen[-7:]


def test_a_reading_is_found_by_its_id(books: Bookkeeping) -> None:
    books.hello()
    books.span(0, 4)
    assert queries.find_reading(books.connection, A, books.epoch, 3) == (A, books.epoch, 3)
    assert queries.find_reading(books.connection, A, books.epoch, 5) is None
    assert queries.find_reading(books.connection, A, 1, 3) is None


def test_the_newest_is_of_the_epoch_heard_last_published_or_not(books: Bookkeeping) -> None:
    assert outbox.newest_key(books.connection, A) is None
    books.hello(epoch=9)
    books.span(100, 104, epoch=9)
    books.hello(epoch=3)
    assert outbox.newest_key(books.connection, A) == (A, 9, 104)
    books.span(0, 1, epoch=3)
    assert outbox.newest_key(books.connection, A) == (A, 3, 1)
    assert outbox.unpublished(books.connection, (A, 3, 1)) is not None
    outbox.mark_published(books.connection, [(A, 3, 1)])
    assert outbox.newest_key(books.connection, A) == (A, 3, 1)
    assert outbox.unpublished(books.connection, (A, 3, 1)) is None
