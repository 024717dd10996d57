"""Readings at a moment, in the database: asked for, sent, answered, triggered, expired."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from peers.bookkeeping import METER, NOW_MS, Bookkeeping
from peers.scripted_meter import FIRST_TAKEN_AT_S, STATUS
from weir_gateway.read_documents import read_document
from weir_gateway.store import custody, errands, plans, push, read_errand, reads
from weir_gateway.store.errand import Errand
from weir_gateway.store.promise import Promise
from weir_gateway.store.receipt import Receipt
from weir_protocol.frames import NO_PRESSURE_KPA, FrameType
from weir_protocol.records import TimeQuality
from weir_protocol.schedule import SendPlan

HOUR_MS = 3_600_000


class Counter(Bookkeeping):
    """A desk where readings are asked for. Times are hours after ``NOW_MS``."""

    def ask(self, *, hours: float = 1, request_id: str | None = None) -> int:
        expires_at_ms = self.now_ms + int(hours * HOUR_MS)
        made = reads.make(self.connection, METER, self.now_ms, expires_at_ms, "ann", request_id)
        assert made is not None
        return made.number

    def status(self, **changes: int) -> Receipt:
        return custody.take_status(self.connection, self.origin(), {**STATUS, **changes})

    def document(self, number: int) -> Any:
        found = reads.find(self.connection, METER, number)
        assert found is not None
        return read_document(found)

    def states(self) -> list[str]:
        found = reads.newest(self.connection, METER, 1000)
        return [read_document(one)["state"] for one in reversed(found)]

    def requests(self, receipt: Receipt) -> list[int]:
        assert all(one.frame_type is FrameType.READ_NOW for one in receipt.errands)
        return [one.fields["request"] for one in receipt.errands]


@pytest.fixture
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    """A desk that has nothing to tell a meter but that."""
    monkeypatch.setattr(errands, "PRODUCERS", (read_errand.produce,))
    monkeypatch.setattr(reads, "COUNTERS_BEGIN_S", NOW_MS // 1000)  # numbers begin with 1
    kept = Counter(tmp_path / "weir.db")
    yield kept
    kept.connection.close()


def test_a_request_goes_from_pending_to_sent_to_answered(books: Counter) -> None:
    books.hello()
    number = books.ask(request_id="r1")
    made = books.document(number)
    assert (made["state"], made["sent_at"], made["reading"]) == ("pending", None, None)
    books.now_ms += 1000
    assert books.requests(books.span(0, 1)) == [1]
    assert books.document(number)["state"] == "sent"
    books.now_ms += 1000
    books.status(request=1, forward_pulses=123456, flow_l_per_h=-40, pressure_kpa=412)
    answered = books.document(number)
    assert answered["state"] == "answered"
    assert [answered[name] for name in ("by", "request_id", "cause")] == ["ann", "r1", "asked"]
    times = [answered[name] for name in ("made_at", "sent_at", "answered_at")]
    assert times == ["2026-09-21T14:13:20.000Z", "2026-09-21T14:13:21.000Z", times[2]]
    reading = answered["reading"]
    assert reading["forward_volume_l"] == 1234.56
    assert (reading["flow_l_per_h"], reading["pressure_kpa"]) == (-40, 412)
    assert (reading["battery_mv"], reading["time_error_s"]) == (3550, 2)
    assert reading["measured_at"] == "2026-09-21T14:15:00Z"
    assert reading["received_at"] == times[2]


def test_a_request_to_a_meter_never_heard_waits_for_its_first_hello(books: Counter) -> None:
    books.ask()
    assert books.requests(books.hello()) == [1]


def test_of_many_requests_the_newest_stands_for_all(books: Counter) -> None:
    books.hello()
    for _ in range(3):
        books.ask()
    assert books.requests(books.span(0, 1)) == [3]
    assert books.states() == ["sent"] * 3
    books.ask()
    books.status(request=3)
    assert books.states() == [*["answered"] * 3, "sent"]


def test_an_answer_settles_no_request_that_was_made_after_the_one_it_answers(
    books: Counter,
) -> None:
    books.hello()
    books.ask()
    books.ask()
    books.status(request=1)
    assert books.states() == ["answered", "sent"]


def test_a_read_stands_behind_an_errand_that_does_not(
    books: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def once(_connection: object, _origin: object, promise: Promise) -> list[Errand]:
        return [Errand(FrameType.COMMAND, {}, "once", stands=False)] if promise.is_hello else []

    monkeypatch.setattr(errands, "PRODUCERS", (once, read_errand.produce))
    books.ask()
    assert len(books.hello().errands) == 2
    assert len(books.requests(books.span(0, 1))) == 1


def test_what_is_settled_costs_the_next_uplinks_nothing(books: Counter) -> None:
    books.hello()
    books.ask()
    assert books.requests(books.status(request=1)) == []
    row = books.connection.execute("SELECT errand FROM custody").fetchone()
    assert row == (0,)


def test_an_answer_that_is_repeated_or_to_nothing_changes_nothing(books: Counter) -> None:
    books.hello()
    number = books.ask()
    books.status(request=1, forward_pulses=5)
    answered = books.document(number)
    books.now_ms += 1000
    books.status(request=1, forward_pulses=6)
    books.status(request=9)
    assert books.document(number) == answered
    assert books.states() == ["answered"]


def test_a_request_whose_time_ran_out_is_not_sent_and_expires_once(books: Counter) -> None:
    books.hello()
    number = books.ask(hours=1)
    assert not reads.has_expired(books.connection, books.now_ms)
    books.now_ms += HOUR_MS
    assert books.requests(books.span(0, 1)) == []
    assert reads.has_expired(books.connection, books.now_ms)
    reads.expire(books.connection, books.now_ms)
    assert not reads.has_expired(books.connection, books.now_ms)
    expired = books.document(number)
    assert (expired["state"], expired["answered_at"]) == ("expired", None)
    books.status(request=1)
    assert books.states() == ["expired"]


def test_a_person_at_the_meter_is_noted_once_however_often_the_meter_repeats(
    books: Counter,
) -> None:
    books.hello()
    for forward in (5, 5, 6):
        books.status(request=0, forward_pulses=forward)
        books.now_ms += 1000
    found = reads.newest(books.connection, METER, 10)
    documents = [read_document(one) for one in found]
    assert [(one["cause"], one["state"], one["by"]) for one in documents] == [
        ("triggered", "answered", None)
    ] * 2
    measured = [one["reading"] for one in documents]
    assert [one and one["forward_pulses"] for one in measured] == [6, 5]


def test_a_trigger_leaves_a_request_to_be_answered(books: Counter) -> None:
    books.hello()
    books.ask()
    books.status(request=0)
    assert books.states() == ["sent", "answered"]


def test_what_cannot_be_known_is_null_not_zero(books: Counter) -> None:
    books.hello()
    unset = {"time_quality": int(TimeQuality.UNSET), "taken_at_s": 17}
    books.status(**unset, pressure_kpa=NO_PRESSURE_KPA, battery_mv=0)
    reading = books.document(1)["reading"]
    assert (reading["pressure_kpa"], reading["battery_mv"]) == (None, None)
    assert reading["time_quality"] == "placed"
    assert reading["measured_at"] == "2026-09-21T14:13:20Z"  # when it came


@pytest.mark.parametrize(
    ("quality", "word", "error_s"), [(1, "bounded", 0.5), (7, "unbounded", None)]
)
def test_the_bound_of_the_clock_goes_along(
    books: Counter, quality: int, word: str, error_s: float | None
) -> None:
    books.hello()
    books.status(time_quality=quality, taken_at_s=FIRST_TAKEN_AT_S)
    reading = books.document(1)["reading"]
    assert (reading["time_quality"], reading["time_error_s"]) == (word, error_s)


def test_requests_that_wait_are_bounded_and_those_that_are_old_forgotten(books: Counter) -> None:
    books.hello()
    for _ in range(reads.WAITING_MAX):
        books.ask()
    assert reads.make(books.connection, METER, NOW_MS, NOW_MS + 1, "ann", None) is None
    books.status(request=reads.WAITING_MAX)
    for forward in range(200):
        books.status(request=0, forward_pulses=forward)
    everything = reads.untold(books.connection, 1000)
    assert len(everything) == reads.WAITING_MAX + 200  # nobody was told yet
    reads.mark_told(books.connection, [(METER, one.number) for one in everything])
    books.status(request=0)
    assert len(reads.newest(books.connection, METER, 1000)) == 100


def test_what_is_overdue_keeps_nobody_from_asking(books: Counter) -> None:
    for _ in range(reads.WAITING_MAX):
        books.ask(hours=1)
    books.now_ms += HOUR_MS
    books.ask()
    assert books.states() == [*["expired"] * reads.WAITING_MAX, "pending"]


def test_a_fresh_database_numbers_reads_as_none_was_before(books: Counter, tmp_path: Path) -> None:
    numbers = [books.ask() for _ in range(20)]
    fresh = Counter(tmp_path / "fresh.db")
    fresh.now_ms = NOW_MS + 60_000
    assert fresh.ask() > numbers[-1]
    fresh.connection.close()


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"taken_at_s": NOW_MS // 1000 - 70}, "sent"),
        ({"taken_at_s": NOW_MS // 1000 - 50}, "answered"),
        ({"taken_at_s": 5, "time_quality": int(TimeQuality.UNSET)}, "answered"),
        ({"taken_at_s": 5, "time_quality": int(TimeQuality.WORSE)}, "answered"),
    ],
)
def test_a_status_that_was_measured_before_a_request_does_not_answer_it(
    books: Counter, changes: dict[str, int], state: str
) -> None:
    books.hello()
    number = books.ask()
    books.span(0, 1)
    books.status(request=read_errand.on_wire(number), **changes)
    assert books.states() == [state]


def test_the_wire_names_requests_by_16_bits_and_never_0(books: Counter) -> None:
    books.hello()
    for number, request in ((65534, 65535), (65535, 1), (65536, 2)):
        books.connection.execute("UPDATE reads SET number = ?, settled_at_ms = 1", (number,))
        if number == 65534:
            books.connection.execute(
                "INSERT INTO reads (meter_id, number, cause, made_at_ms, settled_at_ms) "
                "VALUES (?, ?, 'asked', 0, 1)",
                (METER, number),
            )
        assert books.ask() == number + 1
        assert books.requests(books.span(0, 1)) == [request]
        books.connection.execute("DELETE FROM reads WHERE number = ?", (number,))
        books.status(request=request)
        assert books.states() == ["answered"]


def test_a_push_takes_downlink_counters_of_its_own_and_hears_nothing(books: Counter) -> None:
    before = books.hello().downlink_counter
    seen = books.connection.execute("SELECT uplink_counter, last_seen_ms FROM custody").fetchone()
    assert push.reserve(books.connection, METER, books.now_ms) is None
    books.ask()
    due = push.reserve(books.connection, METER, books.now_ms + 5)
    assert due is not None
    assert due.first_counter == before + 1
    row = books.connection.execute(
        "SELECT uplink_counter, last_seen_ms, downlink_counter FROM custody"
    ).fetchone()
    assert row == (*seen, before + 2)


def test_nothing_can_be_pushed_to_a_meter_that_was_never_heard(books: Counter) -> None:
    books.ask()
    assert push.reserve(books.connection, METER, books.now_ms) is None


def test_what_is_settled_is_untold_until_it_is_marked(books: Counter) -> None:
    books.hello()
    books.ask()
    books.status(request=0)
    assert [one.number for one in reads.untold(books.connection, 10)] == [2]
    books.status(request=1)
    assert [one.number for one in reads.untold(books.connection, 10)] == [1, 2]
    reads.mark_told(books.connection, [(METER, 2)])
    assert [one.number for one in reads.untold(books.connection, 10)] == [1]


def test_a_meter_is_expected_by_the_settings_it_reported_else_by_its_hello(
    books: Counter,
) -> None:
    assert plans.send_plan(books.connection, METER) is None
    books.hello(send_interval_s=900)
    assert plans.send_plan(books.connection, METER) == SendPlan(900)
    pairs = [(0, 263), (255, 3), (3, 3600), (4, 60), (5, 30)]  # 263 as HELLO said
    items = [{"key": key, "value": value} for key, value in pairs]
    fields = {"settings_version": 263, "outcome": 0, "items": items}
    custody.take_report(books.connection, books.origin(), fields)
    assert plans.send_plan(books.connection, METER) == SendPlan(3600, 60, 30)
