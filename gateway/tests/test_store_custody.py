"""What an uplink does to the database: stored once, never overwritten, resumed where it must."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peers.bookkeeping import EPOCH, METER, NOW_MS, Bookkeeping
from peers.scripted_meter import FIRST_TAKEN_AT_S, STATUS, record
from weir_gateway.errors import UplinkRefused
from weir_gateway.store import custody, queries
from weir_gateway.store.promise import Origin
from weir_protocol.records import TimeQuality


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Bookkeeping]:
    kept = Bookkeeping(tmp_path / "weir.db")
    yield kept
    kept.connection.close()


def test_a_new_epoch_resumes_at_the_meters_oldest_record(books: Bookkeeping) -> None:
    assert books.hello(sequence_oldest=37, sequence_next=90).resume_at == 37
    assert books.gaps() == []


def test_readings_in_order_move_the_resume_point_behind_them(books: Bookkeeping) -> None:
    books.hello()
    receipt = books.span(0, 9)
    assert (receipt.resume_at, receipt.stored_count, receipt.repeat_count) == (10, 10, 0)
    assert books.column("sequence") == list(range(10))


def test_a_hole_is_missing_until_it_is_closed_but_holds_nothing_up(books: Bookkeeping) -> None:
    books.hello()
    assert books.span(0, 4).missing == ()
    receipt = books.span(8, 9)
    assert (receipt.resume_at, receipt.missing) == (10, ((5, 7),))
    assert books.gaps() == [(5, 7, "open")]
    receipt = books.span(5, 9)
    assert (receipt.resume_at, receipt.missing) == (10, ())
    assert books.gaps() == [(5, 7, "closed")]
    assert books.column("sequence") == list(range(10))


def test_a_repeat_is_stored_once_and_counted(books: Bookkeeping) -> None:
    books.hello()
    books.span(0, 9)
    receipt = books.span(5, 12)
    assert (receipt.stored_count, receipt.repeat_count, receipt.conflicts) == (3, 5, ())
    assert receipt.resume_at == 13
    assert len(books.column("sequence")) == 13


@pytest.mark.parametrize(
    "change",
    [
        {"taken_at_s": FIRST_TAKEN_AT_S},
        {"forward_pulses": 1},
        {"reverse_pulses": 99},
        {"pressure_mean_kpa": 401},
        {"pressure_min_kpa": 391},
        {"pressure_max_kpa": 411},
        {"peak_flow_pulses": 4},
        {"status": 4},
        {"time_quality": TimeQuality.S8},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_repeat_that_differs_is_refused_and_overwrites_nothing(
    books: Bookkeeping, change: dict[str, Any]
) -> None:
    books.hello()
    books.span(0, 4)
    before = books.connection.execute("SELECT * FROM readings").fetchall()

    receipt = books.take(record(3, **change), record(4))

    assert receipt.conflicts == (f"{METER}-{EPOCH:08x}-3",)
    assert (receipt.stored_count, receipt.repeat_count) == (0, 1)
    assert books.connection.execute("SELECT * FROM readings").fetchall() == before


def test_what_the_meter_has_overwritten_is_named_lost(books: Bookkeeping) -> None:
    books.hello()
    books.span(0, 4)
    books.span(8, 9)
    receipt = books.hello(sequence_oldest=20, sequence_next=50)
    assert (receipt.resume_at, receipt.lost_count) == (20, 13)
    assert books.gaps() == [(5, 7, "lost"), (10, 19, "lost")]


def test_holes_below_the_meters_oldest_record_are_lost_and_the_others_stay_open(
    books: Bookkeeping,
) -> None:
    books.hello()
    books.span(10, 19)
    books.span(30, 39)
    receipt = books.hello(sequence_oldest=25, sequence_next=40)
    assert (receipt.resume_at, receipt.lost_count) == (40, 15)
    assert receipt.missing == ((25, 29),)
    assert books.gaps() == [(0, 9, "lost"), (20, 24, "lost"), (25, 29, "open")]


def test_a_new_epoch_loses_what_is_missing_of_the_older_ones(books: Bookkeeping) -> None:
    books.hello(epoch=1)
    books.span(0, 4, epoch=1)
    books.span(8, 9, epoch=1)
    books.hello(meter_id=77)
    books.span(5, 6, meter_id=77)
    receipt = books.hello(epoch=2)
    assert (receipt.lost_count, receipt.missing) == (3, ())
    assert books.gaps() == [(5, 7, "lost")]
    assert books.hello(epoch=2).lost_count == 0
    assert books.span(7, 7, meter_id=77).missing == ((0, 4),)  # another meter's holes stay
    assert books.span(8, 10, epoch=1).stored_count == 1


def test_a_long_backlog_lets_the_newest_records_come_first(books: Bookkeeping) -> None:
    receipt = books.hello(sequence_oldest=100, sequence_next=100 + custody.BACKLOG_MAX + 1)
    newest = 100 + custody.BACKLOG_MAX + 1 - custody.NEWEST_FIRST
    assert (receipt.resume_at, receipt.missing) == (newest, ((100, newest - 1),))
    again = books.hello(sequence_oldest=100, sequence_next=newest + custody.NEWEST_FIRST)
    assert (again.resume_at, again.missing) == (newest, receipt.missing)


def test_a_backlog_that_is_not_long_comes_in_its_order(books: Bookkeeping) -> None:
    receipt = books.hello(sequence_oldest=100, sequence_next=100 + custody.BACKLOG_MAX)
    assert (receipt.resume_at, receipt.missing) == (100, ())


@pytest.mark.parametrize(("frame_size_max", "count"), [(250, 24), (140, 14), (512, 24), (29, 0)])
def test_no_more_is_asked_for_than_a_downlink_can_carry(
    books: Bookkeeping, frame_size_max: int, count: int
) -> None:
    books.hello(frame_size_max=frame_size_max)
    for sequence in range(1, 61, 2):
        receipt = books.span(sequence, sequence)
    assert receipt.missing == tuple((2 * one, 2 * one) for one in range(count))


def test_a_request_gets_a_downlink_counter_of_its_own(books: Bookkeeping) -> None:
    books.now_ms = 0
    books.hello()
    first = books.report().downlink_counter + 1
    receipts = [books.span(0, 1), books.span(5, 6), books.span(7, 7), books.span(2, 4)]
    counters = [receipt.downlink_counter - first for receipt in receipts]
    assert counters == [0, 1, 3, 5]
    assert books.hello().downlink_counter - first == 6


def test_an_oldest_record_below_the_resume_point_changes_nothing(books: Bookkeeping) -> None:
    books.hello()
    books.span(0, 9)
    receipt = books.hello(sequence_oldest=3, sequence_next=10)
    assert (receipt.resume_at, receipt.lost_count) == (10, 0)


def test_a_lost_frame_names_what_is_missing_and_no_more(books: Bookkeeping) -> None:
    books.hello()
    books.span(0, 4)
    books.span(8, 9)
    lost = [{"first_sequence": 3, "last_sequence": 8}, {"first_sequence": 7, "last_sequence": 6}]
    receipt = custody.take_lost(books.connection, books.origin(), lost)
    assert (receipt.resume_at, receipt.lost_count) == (10, 3)
    assert books.gaps() == [(5, 7, "lost")]


def test_every_answer_gets_a_downlink_counter_of_its_own(books: Bookkeeping) -> None:
    books.now_ms = 0
    books.hello()
    first = books.report().downlink_counter + 1
    receipts = [books.span(0, 1), books.span(0, 1), books.hello()]
    assert [receipt.downlink_counter - first for receipt in receipts] == [0, 1, 2]
    assert books.hello(epoch=7).downlink_counter == 0


def test_a_lost_database_uses_no_downlink_counter_again(
    tmp_path: Path, books: Bookkeeping
) -> None:
    books.hello()
    books.report()  # else each answer keeps a counter for asking for it
    used = [books.span(0, 1).downlink_counter for _ in range(500)]
    again = Bookkeeping(tmp_path / "fresh.db")
    again.now_ms = books.now_ms + 600_000
    assert again.hello().downlink_counter > max(used)
    assert again.hello().downlink_counter > max(used) + 1
    again.connection.close()


def test_a_counter_that_was_used_is_refused(books: Bookkeeping) -> None:
    books.hello()
    books.span(0, 1)
    for used in (0, 1, books.counter):
        origin = Origin(METER, EPOCH, used, NOW_MS)
        with pytest.raises(UplinkRefused) as caught:
            custody.take_readings(books.connection, origin, [record(2)])
        assert caught.value.reason == "replay"
    assert books.column("sequence") == [0, 1]


def test_an_epoch_that_never_said_hello_is_refused(books: Bookkeeping) -> None:
    with pytest.raises(UplinkRefused) as caught:
        books.span(0, 1, epoch=99)
    assert caught.value.reason == "unknown_epoch"


def test_epochs_of_one_meter_never_collide(books: Bookkeeping) -> None:
    books.hello(epoch=1)
    books.span(0, 4, epoch=1)
    books.hello(epoch=2)
    books.take(record(0, forward_pulses=55), epoch=2)
    assert books.column("forward_pulses") == [0, 7, 14, 21, 28, 55]
    assert queries.session_state(books.connection, METER) == (2, {1: 2, 2: 4})


def test_sequences_wrap_without_a_gap(books: Bookkeeping) -> None:
    last = 2**32 - 1
    books.hello(sequence_oldest=last - 5, boot_sequence=last - 5)
    receipt = books.span(last - 5, last + 3)
    assert (receipt.resume_at, receipt.stored_count) == (3, 9)
    assert books.gaps() == []
    assert books.span(last + 1, last + 3).repeat_count == 3
    assert books.span(last + 4, last + 4).resume_at == 4
    assert books.column("sequence") == list(range(last - 5, last + 5))


def test_a_hole_across_the_wrap_is_asked_for_lost_and_closed(books: Bookkeeping) -> None:
    last = 2**32 - 1
    books.hello(sequence_oldest=last - 5, sequence_next=8, boot_sequence=last - 5)
    books.span(last - 5, last - 5)
    receipt = books.span(last + 6, last + 8)
    assert (receipt.resume_at, receipt.missing) == (8, ((last - 4, last + 5),))
    assert books.span(last, last + 1).missing == ((last - 4, last - 1), (last + 2, last + 5))
    lost = [{"first_sequence": last - 4, "last_sequence": 2}]
    receipt = custody.take_lost(books.connection, books.origin(), lost)
    assert (receipt.lost_count, receipt.missing) == (6, ((last + 4, last + 5),))
    assert receipt.came == ((last - 4, last + 3),)
    receipt = books.hello(sequence_oldest=4, sequence_next=8)
    assert (receipt.lost_count, receipt.missing) == (1, ((last + 5, last + 5),))
    assert books.span(last + 5, last + 5).missing == ()


def test_an_empty_readings_frame_changes_nothing(books: Bookkeeping) -> None:
    books.hello()
    books.span(3, 4)
    receipt = books.take()
    assert (receipt.stored_count, receipt.resume_at, receipt.missing) == (0, 5, ((0, 2),))


def test_a_record_without_time_is_placed_by_the_boot_that_said_hello(books: Bookkeeping) -> None:
    books.hello(time_quality=0, clock_s=500, boot_sequence=3, sequence_next=6)
    unset = TimeQuality.UNSET
    books.take(
        record(2, taken_at_s=9000, time_quality=unset),  # of the boot before: unknowable
        record(3, taken_at_s=60, time_quality=unset),
        record(4, taken_at_s=1_790_000_960),
    )
    assert books.column("measured_at_s") == [
        None,
        NOW_MS // 1000 - 500 + 60,
        1_790_000_960,
    ]


def test_a_later_hello_of_the_same_boot_keeps_the_placing(books: Bookkeeping) -> None:
    books.hello(time_quality=0, clock_s=500, boot_sequence=0)
    books.hello(time_quality=1, clock_s=NOW_MS // 1000, boot_sequence=0)
    books.take(record(0, taken_at_s=60, time_quality=TimeQuality.UNSET))
    assert books.column("measured_at_s") == [NOW_MS // 1000 - 500 + 60]


def test_another_boot_ends_the_placing(books: Bookkeeping) -> None:
    books.hello(time_quality=0, clock_s=500, boot_sequence=0)
    books.hello(time_quality=1, clock_s=NOW_MS // 1000, boot_sequence=5)
    books.take(record(0, taken_at_s=60, time_quality=TimeQuality.UNSET))
    assert books.column("measured_at_s") == [None]


def test_the_operators_pulse_weight_is_stronger_and_changes_nothing_stored(
    books: Bookkeeping,
) -> None:
    books.hello(pulse_weight_ml=10)
    books.span(0, 0)
    books.pulse_weight_ml = 100
    books.span(1, 1)
    books.hello(pulse_weight_ml=25)
    books.span(2, 2)
    books.pulse_weight_ml = None
    books.span(3, 3)
    assert books.column("pulse_weight_ml") == [10, 100, 100, 25]


def test_a_held_record_is_found_as_the_meter_sent_it(books: Bookkeeping) -> None:
    books.hello(time_quality=0, clock_s=500)
    sent = record(
        0,
        taken_at_s=60,
        time_quality=TimeQuality.UNSET,
        pressure_mean_kpa=None,
        pressure_min_kpa=None,
        pressure_max_kpa=None,
        status=1,
    )
    books.take(sent)
    assert queries.held_record(books.connection, METER, EPOCH, 0) == sent
    assert queries.held_record(books.connection, METER, EPOCH, 1) is None
    assert queries.held_record(books.connection, METER, 99, 0) is None


def test_a_status_is_kept_as_the_newest(books: Bookkeeping) -> None:
    books.hello()
    for flow in (3, 5):
        status = {**STATUS, "flow_l_per_h": flow}
        custody.take_status(books.connection, books.origin(), status)
    meter = queries.meter(books.connection, METER)
    assert meter is not None
    assert meter.status == {**STATUS, "flow_l_per_h": 5}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 8)), min_size=1, max_size=20))
def test_whatever_order_readings_come_in_each_is_held_once(
    tmp_path_factory: pytest.TempPathFactory, spans: list[tuple[int, int]]
) -> None:
    books = Bookkeeping(tmp_path_factory.mktemp("books") / "weir.db")
    books.connection.execute("PRAGMA synchronous = OFF")
    books.hello()
    sent: set[int] = set()
    for first, extent in spans:
        receipt = books.span(first, first + extent)
        fresh = set(range(first, first + extent + 1)) - sent
        sent |= fresh
        assert receipt.stored_count == len(fresh)
        assert receipt.resume_at == max(sent) + 1
        missing = [one for low, high in receipt.missing for one in range(low, high + 1)]
        assert missing == [one for one in range(max(sent)) if one not in sent]
    assert books.column("sequence") == sorted(sent)
    assert queries.newest_readings(books.connection, METER, 1)[0].sequence == max(sent)
    books.connection.close()


def test_the_database_refuses_a_reading_without_custody(books: Bookkeeping) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        books.connection.execute(f"INSERT INTO readings VALUES ({', '.join('1' * 18)})")
