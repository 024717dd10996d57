"""Records taken before the meter knew the time, and clocks that step: placed, never reordered."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.bookkeeping import EPOCH, METER, NOW_MS, Bookkeeping
from peers.scripted_meter import FIRST_TAKEN_AT_S, record
from weir_gateway.store import outbox, queries, schema
from weir_protocol.records import IntervalRecord, TimeQuality

NOW_S = NOW_MS // 1000
DAY_S = 86_400


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Bookkeeping]:
    kept = Bookkeeping(tmp_path / "weir.db")
    yield kept
    kept.connection.close()


def unset(sequence: int, since_boot_s: int) -> IntervalRecord:
    return record(sequence, taken_at_s=since_boot_s, time_quality=TimeQuality.UNSET)


def measured(books: Bookkeeping) -> dict[int, int | None]:
    return dict(
        books.connection.execute("SELECT sequence, measured_at_s FROM readings").fetchall()
    )


def say_unset_hello(books: Bookkeeping, boot: int, after: int, clock_s: int) -> None:
    books.hello(time_quality=0, clock_s=clock_s, boot_sequence=boot, sequence_next=after)


def say_timed_hello(books: Bookkeeping, boot: int, after: int) -> None:
    books.hello(time_quality=1, clock_s=NOW_S, boot_sequence=boot, sequence_next=after)


def test_what_was_in_the_ring_at_hello_is_placed_even_if_it_comes_after_a_later_boot(
    books: Bookkeeping,
) -> None:
    say_unset_hello(books, boot=0, after=4, clock_s=4000)
    books.now_ms += DAY_S * 1000
    say_unset_hello(books, boot=10, after=12, clock_s=2000)
    books.take(unset(3, 3600), unset(10, 900), unset(11, 1800))
    assert measured(books) == {
        3: NOW_S - 4000 + 3600,
        10: NOW_S + DAY_S - 2000 + 900,
        11: NOW_S + DAY_S - 2000 + 1800,
    }


def test_each_of_several_boots_places_its_own_records(books: Bookkeeping) -> None:
    for boot in range(5):
        books.now_ms = NOW_MS + boot * DAY_S * 1000
        say_unset_hello(books, boot=10 * boot, after=10 * boot + 10, clock_s=9000)
    say_timed_hello(books, boot=50, after=51)
    books.take(*(unset(10 * boot + 5, 4500) for boot in range(5)))
    assert measured(books) == {10 * boot + 5: NOW_S + boot * DAY_S - 4500 for boot in range(5)}


def test_a_hole_that_was_noticed_in_a_boot_is_placed_by_that_boot(books: Bookkeeping) -> None:
    say_unset_hello(books, boot=0, after=1, clock_s=100)
    books.take(unset(5, 900))  # 1 to 4 were lost on the way, but they are of this boot
    say_timed_hello(books, boot=9, after=9)
    books.take(unset(2, 300), unset(7, 1200))
    assert measured(books) == {2: NOW_S - 100 + 300, 5: NOW_S - 100 + 900, 7: None}


def test_what_may_be_of_a_boot_that_never_spoke_has_no_time(books: Bookkeeping) -> None:
    say_unset_hello(books, boot=0, after=4, clock_s=4000)
    say_timed_hello(books, boot=10, after=12)
    books.take(unset(3, 3600), unset(4, 4500), unset(9, 900))
    assert measured(books) == {3: NOW_S - 4000 + 3600, 4: None, 9: None}


def test_the_clock_of_a_former_boot_places_no_record_of_a_later_one(books: Bookkeeping) -> None:
    say_unset_hello(books, boot=0, after=4, clock_s=4000)
    books.now_ms += DAY_S * 1000
    say_timed_hello(books, boot=10, after=12)  # knew the time before it first spoke
    books.take(unset(3, 3600), unset(10, 900))
    assert measured(books) == {3: NOW_S - 4000 + 3600, 10: None}


def test_a_boot_without_records_of_its_own_leaves_no_wrong_time(books: Bookkeeping) -> None:
    say_unset_hello(books, boot=4, after=4, clock_s=100)
    books.now_ms += DAY_S * 1000
    say_unset_hello(books, boot=4, after=5, clock_s=1000)
    say_timed_hello(books, boot=6, after=6)
    books.take(unset(4, 900))
    assert measured(books) == {4: NOW_S + DAY_S - 100}


def test_a_boot_that_lost_the_newest_records_still_places_its_own(books: Bookkeeping) -> None:
    say_unset_hello(books, boot=0, after=90, clock_s=100)
    say_unset_hello(books, boot=95, after=100, clock_s=4000)
    books.take(unset(99, 3900))
    books.now_ms += DAY_S * 1000
    say_unset_hello(books, boot=92, after=92, clock_s=10)  # it is told to go on from 100
    books.take(unset(103, 3600))
    say_timed_hello(books, boot=110, after=111)
    books.take(unset(101, 1800))
    assert measured(books) == {
        99: NOW_S - 100,
        101: NOW_S + DAY_S + 1790,
        103: NOW_S + DAY_S + 3590,
    }


def test_boots_whose_records_are_overwritten_are_forgotten(books: Bookkeeping) -> None:
    for boot in range(0, 50, 10):
        books.hello(time_quality=0, boot_sequence=boot, sequence_next=boot + 10)
    books.hello(time_quality=0, boot_sequence=50, sequence_next=51, sequence_oldest=35)
    rows = books.connection.execute("SELECT boot_sequence FROM boots ORDER BY 1").fetchall()
    assert rows == [(30,), (40,), (50,)]


def test_boots_wrap_with_the_sequences(books: Bookkeeping) -> None:
    last = 2**32 - 1
    books.hello(
        time_quality=0,
        clock_s=5000,
        sequence_oldest=last - 5,
        boot_sequence=last - 5,
        sequence_next=3,
    )
    books.hello(time_quality=1, sequence_oldest=last - 5, boot_sequence=3, sequence_next=4)
    books.take(unset(last, 4100), unset(last + 3, 5000))
    assert measured(books) == {last: NOW_S - 5000 + 4100, last + 3: NOW_S}


def test_a_database_of_the_first_schema_keeps_what_places_its_newest_boot(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    schema.prepare(path, schema.MIGRATIONS[:1])
    connection = schema.connect(path)
    connection.execute("INSERT INTO meters (meter_id, first_seen_ms) VALUES (1001, 1)")
    connection.execute(
        "INSERT INTO custody (meter_id, epoch, ordinal, uplink_counter, downlink_counter, "
        "resume_at, sequence_next, boot_sequence, clock_offset_s, settings_version, "
        "pulse_weight_ml, sample_interval_s, last_seen_ms) "
        f"VALUES ({METER}, {EPOCH}, 1, 0, 0, 2, 8, 2, 1000000, 0, 1, 60, 1)"
    )
    connection.close()
    books = Bookkeeping(path)
    books.counter = 10
    say_timed_hello(books, boot=9, after=10)
    books.take(unset(7, 500), unset(8, 600))
    assert measured(books) == {7: 1_000_500, 8: None}
    books.connection.close()


@pytest.mark.parametrize("step_s", [-400 * DAY_S, -1, 400 * DAY_S])
def test_a_clock_that_steps_reorders_and_overwrites_nothing(
    books: Bookkeeping, step_s: int
) -> None:
    books.hello(sequence_next=6)
    first = [record(one) for one in range(3)]
    stepped = [
        record(one, taken_at_s=FIRST_TAKEN_AT_S + 900 * one + step_s, status=4)
        for one in range(3, 6)
    ]
    books.take(*first)
    books.take(*stepped[1:])
    books.take(stepped[0])
    again = books.take(*first, *stepped)
    assert (again.repeat_count, again.conflicts) == (6, ())
    found = queries.newest_readings(books.connection, METER, 10)
    assert [one.sequence for one in found] == [0, 1, 2, 3, 4, 5]
    assert [one.measured_at_s for one in found] == [one.taken_at_s for one in (*first, *stepped)]
    assert found[-1] == queries.newest_readings(books.connection, METER, 1)[0]
    waiting = outbox.oldest_unpublished(books.connection, METER, 10)
    assert [one.reading.sequence for one in waiting] == [0, 1, 2, 3, 4, 5]


def test_two_records_of_the_same_time_are_both_kept(books: Bookkeeping) -> None:
    books.hello()
    receipt = books.take(*(record(one, taken_at_s=FIRST_TAKEN_AT_S) for one in range(4)))
    assert receipt.stored_count == 4
    assert books.column("sequence") == [0, 1, 2, 3]


def test_the_gateways_own_clock_moves_no_record_that_has_a_time(books: Bookkeeping) -> None:
    books.hello()
    books.now_ms -= 10 * DAY_S * 1000
    books.span(0, 1)
    books.now_ms += 99 * DAY_S * 1000
    books.span(2, 3)
    assert books.column("measured_at_s") == [FIRST_TAKEN_AT_S + 900 * one for one in range(4)]
