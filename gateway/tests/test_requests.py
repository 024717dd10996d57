"""Requests for back-fill in the database: each stands until all of it has come or is lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.bookkeeping import EPOCH, METER, NOW_MS, Bookkeeping
from peers.scripted_meter import FIRST_TAKEN_AT_S, INTERVAL_S, record
from weir_gateway.store import custody, request_queries, requests
from weir_gateway.store.receipt import Receipt
from weir_gateway.store.rows import StoredRequest
from weir_protocol.records import TimeQuality


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Bookkeeping]:
    """A meter that has delivered records 0 to 99 in order."""
    kept = Bookkeeping(tmp_path / "weir.db")
    kept.hello(sequence_next=100)
    kept.span(0, 99)
    yield kept
    kept.connection.close()


def ask(books: Bookkeeping, first: int, last: int) -> int:
    number = requests.make(books.connection, (METER, EPOCH), (first, last), (None, None), NOW_MS)
    assert number is not None
    return number


def find(books: Bookkeeping, number: int) -> StoredRequest:
    found = request_queries.find_request(books.connection, METER, number)
    assert found is not None
    return found


def progress(books: Bookkeeping, number: int) -> tuple[int, int, int]:
    found = find(books, number)
    return found.returned_count, found.lost_count, found.remaining_count


def lose(books: Bookkeeping, first: int, last: int) -> Receipt:
    lost = [{"first_sequence": first % 2**32, "last_sequence": last % 2**32}]
    return custody.take_lost(books.connection, books.origin(), lost)


def test_what_is_held_can_be_asked_for_again_and_stays_as_it_is(books: Bookkeeping) -> None:
    before = books.connection.execute("SELECT * FROM readings").fetchall()
    number = ask(books, 10, 29)
    assert books.take().missing == ((10, 29),)
    receipt = books.span(10, 19)
    assert (receipt.stored_count, receipt.repeat_count, receipt.missing) == (0, 10, ((20, 29),))
    assert progress(books, number) == (10, 0, 10)
    assert find(books, number).finished_at_ms is None

    books.now_ms += 5000
    assert books.span(20, 29).missing == ()
    assert progress(books, number) == (20, 0, 0)
    assert find(books, number).finished_at_ms == books.now_ms
    assert books.connection.execute("SELECT * FROM readings").fetchall() == before
    assert books.gaps() == []


def test_holes_come_before_what_was_asked_for(books: Bookkeeping) -> None:
    ask(books, 0, 9)
    assert books.span(110, 119).missing == ((100, 109), (0, 9))


def test_nothing_is_asked_for_twice(books: Bookkeeping) -> None:
    books.span(110, 119)
    ask(books, 95, 114)
    ask(books, 90, 99)
    assert books.take().missing == ((100, 109), (95, 99), (110, 114), (90, 94))


def test_what_comes_counts_for_every_request_that_wants_it(books: Bookkeeping) -> None:
    one, other = ask(books, 0, 9), ask(books, 5, 14)
    books.span(4, 6)
    assert (progress(books, one), progress(books, other)) == ((3, 0, 7), (2, 0, 8))
    books.span(4, 6)  # a repeat of the repeat is not counted again
    assert (progress(books, one), progress(books, other)) == ((3, 0, 7), (2, 0, 8))


def test_what_the_meter_names_lost_is_lost_for_the_request_alone(books: Bookkeeping) -> None:
    number = ask(books, 10, 29)
    receipt = lose(books, 5, 14)
    assert (receipt.lost_count, receipt.missing) == (0, ((15, 29),))
    assert progress(books, number) == (0, 5, 15)
    assert books.gaps() == []


def test_what_is_overwritten_meanwhile_is_lost_for_the_request(books: Bookkeeping) -> None:
    number = ask(books, 10, 29)
    assert books.hello(sequence_oldest=20, sequence_next=100).missing == ((20, 29),)
    assert progress(books, number) == (0, 10, 10)
    assert books.hello(sequence_oldest=30, sequence_next=100).missing == ()
    assert progress(books, number) == (0, 20, 0)
    assert find(books, number).finished_at_ms is not None


def test_a_new_epoch_finishes_what_was_asked_of_the_old_ring(books: Bookkeeping) -> None:
    number = ask(books, 10, 29)
    books.span(10, 14)
    assert books.hello(epoch=7).missing == ()
    assert progress(books, number) == (5, 15, 0)
    assert find(books, number).finished_at_ms is not None
    assert books.take(epoch=EPOCH).missing == ()


def test_conflicts_are_counted_and_named(books: Bookkeeping) -> None:
    number = ask(books, 10, 12)
    books.take(record(9, forward_pulses=1), record(10), record(11, forward_pulses=1))
    found = find(books, number)
    assert (found.conflict_count, found.conflicts) == (1, (11,))
    assert progress(books, number) == (2, 0, 1)


def test_conflicts_beyond_a_bound_are_counted_alone(books: Bookkeeping) -> None:
    books.span(100, 249)
    number = ask(books, 0, 249)
    for first in range(0, 250, 50):
        books.take(*(record(one, forward_pulses=1) for one in range(first, first + 50)))
    found = find(books, number)
    assert (found.conflict_count, len(found.conflicts)) == (250, requests.CONFLICTS_NAMED_MAX)


def test_requests_survive_a_restart(books: Bookkeeping, tmp_path: Path) -> None:
    number = ask(books, 10, 29)
    books.span(10, 14)
    again = Bookkeeping(tmp_path / "weir.db")
    again.counter = books.counter
    assert again.take().missing == ((15, 29),)
    again.span(15, 29)
    assert progress(books, number) == (20, 0, 0)
    again.connection.close()


def test_requests_across_the_wrap_are_asked_for_and_finish(tmp_path: Path) -> None:
    books = Bookkeeping(tmp_path / "wrap.db")
    last = 2**32 - 1
    books.hello(sequence_oldest=last - 5, boot_sequence=last - 5, sequence_next=10)
    books.span(last - 5, last + 10)
    number = ask(books, last - 5, last + 10)
    assert books.take().missing == ((last - 5, last + 10),)
    books.span(last - 5, last)
    lose(books, last + 1, last + 2)
    assert books.span(last + 3, last + 10).missing == ()
    assert progress(books, number) == (14, 2, 0)
    books.connection.close()


def test_only_so_many_requests_stand_at_a_time_and_old_ones_are_forgotten(
    books: Bookkeeping,
) -> None:
    for _ in range(requests.STANDING_MAX):
        ask(books, 0, 0)
    assert requests.make(books.connection, (METER, EPOCH), (0, 0), (None, None), 0) is None
    books.span(0, 0)
    for _ in range(110):
        ask(books, 1, 1)
        books.span(1, 1)
    found = request_queries.find_requests(books.connection, METER, 1000)
    assert [one.number for one in found] == list(range(130, 30, -1))
    assert books.connection.execute("SELECT COUNT(*) FROM request_ranges").fetchone() == (0,)


# Which sequences a span of time means.


def at(sequence: int) -> int:
    return FIRST_TAKEN_AT_S + INTERVAL_S * sequence


def span(books: Bookkeeping, from_s: int | None, to_s: int | None) -> tuple[int, int] | None:
    ring = request_queries.ring(books.connection, METER)
    assert ring is not None
    return request_queries.span_of_times(books.connection, METER, ring, from_s, to_s)


def test_times_mean_the_records_between_them(books: Bookkeeping) -> None:
    assert span(books, at(10), at(20)) == (10, 20)
    assert span(books, at(10) - 1, at(20) + 899) == (10, 20)
    assert span(books, None, at(20)) == (0, 20)
    assert span(books, at(90), None) == (90, 99)
    assert span(books, None, None) == (0, 99)
    assert span(books, at(0) - 10**6, at(99) + 10**6) == (0, 99)


def test_times_between_two_records_mean_what_is_missing_there(books: Bookkeeping) -> None:
    books.span(110, 119)
    assert span(books, at(104), at(105)) == (100, 109)
    assert span(books, at(50) + 1, at(50) + 2) is None
    assert span(books, at(119) + 1, None) is None


def test_records_without_a_time_are_within_the_times_around_them(books: Bookkeeping) -> None:
    unset = [record(one, taken_at_s=5, time_quality=TimeQuality.UNSET) for one in range(100, 110)]
    books.take(*unset, record(110))
    assert span(books, at(104), at(105)) == (100, 109)
    assert span(books, at(99), at(105)) == (99, 109)


def test_a_clock_that_was_wrong_makes_the_span_longer_never_shorter(books: Bookkeeping) -> None:
    books.take(record(100, taken_at_s=at(500)), record(101, taken_at_s=at(3)), record(102))
    assert span(books, at(102), at(102)) == (100, 102)
    assert span(books, at(2), at(4)) == (2, 101)


def test_times_that_the_ring_has_overwritten_are_left_out(books: Bookkeeping) -> None:
    books.hello(sequence_oldest=40, sequence_next=100)
    assert span(books, at(10), at(60)) == (40, 60)
    assert span(books, at(10), at(30)) is None
