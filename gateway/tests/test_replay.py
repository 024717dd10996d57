"""Replays: any range goes out again under the same ids, and nothing else is touched."""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from peers.bookkeeping import EPOCH, METER, Bookkeeping
from peers.scripted_meter import FIRST_TAKEN_AT_S, INTERVAL_S, record
from weir_gateway import replay as replays
from weir_gateway.clock import utc_text
from weir_gateway.errors import Refusal, StoreUnavailable
from weir_gateway.registry import Registry
from weir_gateway.replay import Replayer, read_span
from weir_gateway.store import Store, outbox, replay, schema
from weir_gateway.store.replay import Span
from weir_protocol.records import TimeQuality

ALL = Span(None, None)


def at(sequence: int) -> int:
    return FIRST_TAKEN_AT_S + INTERVAL_S * sequence


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Bookkeeping]:
    """A meter with 30 readings, all of them published."""
    kept = Bookkeeping(tmp_path / "weir.db")
    kept.hello()
    kept.span(0, 29)
    publish_all(kept)
    yield kept
    kept.connection.close()


def publish_all(books: Bookkeeping) -> None:
    books.connection.execute("UPDATE readings SET published = 1")


def waiting(books: Bookkeeping) -> list[tuple[int, int]]:
    found = outbox.oldest_unpublished(books.connection, METER, 10_000)
    return [one.reading[1:3] for one in found]


def ask(
    books: Bookkeeping, tmp_path: Path, question: Callable[[Replayer], Coroutine[Any, Any, Any]]
) -> tuple[Any, list[tuple[int, int]]]:
    """Put a question to a replayer on this database; return its answer and what it told."""
    told: list[tuple[int, int]] = []
    keys = tmp_path / "keys.txt"
    keys.touch(mode=0o600)
    keys.write_text(f"2002 {bytes(16).hex()}\n")
    registry = Registry(keys)
    registry.load()

    async def asked() -> Any:
        store = Store(tmp_path / "weir.db")
        store.start()
        try:
            return await question(Replayer(store, registry, lambda *change: told.append(change)))
        finally:
            await store.close()

    return asyncio.run(asked()), told


def test_a_range_of_time_waits_again_both_ends_included(
    books: Bookkeeping, tmp_path: Path
) -> None:
    span = Span(at(10), at(19))
    answer, told = ask(books, tmp_path, lambda one: one.replay(METER, span))
    assert answer == {"meter_id": METER, "readings": 10}
    assert told == [(METER, 10)]
    assert waiting(books) == [(EPOCH, sequence) for sequence in range(10, 20)]


def test_a_range_that_begins_or_ends_between_readings_takes_what_lies_within(
    books: Bookkeeping, tmp_path: Path
) -> None:
    span = Span(at(10) + 1, at(12) - 1)
    answer, _ = ask(books, tmp_path, lambda one: one.replay(METER, span))
    assert answer["readings"] == 1
    assert waiting(books) == [(EPOCH, 11)]


def test_everything_in_pages_over_epochs(
    books: Bookkeeping, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "PAGE_MAX", 7)
    books.hello(epoch=3)
    books.span(0, 11, epoch=3)
    books.hello(meter_id=2002)
    books.span(0, 3, meter_id=2002)
    publish_all(books)
    answer, told = ask(books, tmp_path, lambda one: one.replay(METER, ALL))
    assert answer["readings"] == 42
    assert [count for _, count in told] == [7] * 6
    assert waiting(books) == [(EPOCH, one) for one in range(30)] + [(3, one) for one in range(12)]
    assert outbox.waiting_meters(books.connection) == [METER]


def test_a_range_of_time_in_later_pages_is_found(
    books: Bookkeeping, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "PAGE_MAX", 7)
    answer, _ = ask(books, tmp_path, lambda one: one.replay(METER, Span(at(16), at(22))))
    assert answer["readings"] == 7
    assert waiting(books) == [(EPOCH, sequence) for sequence in range(16, 23)]


def test_what_waits_for_the_first_time_is_counted_but_is_no_replay(
    books: Bookkeeping, tmp_path: Path
) -> None:
    books.span(30, 34)
    answer, told = ask(books, tmp_path, lambda one: one.replay(METER, Span(at(28), None)))
    assert answer["readings"] == 7
    assert told == [(METER, 2)]
    found = outbox.oldest_unpublished(books.connection, METER, 99)
    assert [one.replayed for one in found] == [True, True] + [False] * 5


def test_a_reading_without_a_time_of_its_own_is_found_by_when_it_came(
    books: Bookkeeping, tmp_path: Path
) -> None:
    received_s = books.now_ms // 1000
    books.take(record(30, time_quality=TimeQuality.UNSET, taken_at_s=5))
    publish_all(books)
    books.connection.execute("UPDATE readings SET measured_at_s = NULL WHERE sequence = 30")
    span = Span(received_s, received_s)
    answer, _ = ask(books, tmp_path, lambda one: one.replay(METER, span))
    assert answer["readings"] == 1
    assert waiting(books) == [(EPOCH, 30)]


def test_a_meter_that_is_registered_and_was_never_heard_has_nothing_to_replay(
    books: Bookkeeping, tmp_path: Path
) -> None:
    answer, _ = ask(books, tmp_path, lambda one: one.answer({"meter_id": 2002}))
    assert answer == {"meter_id": 2002, "readings": 0}


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "meter_id is not a whole number"),
        ({"meter_id": "1001"}, "meter_id is not a whole number"),
        ({"meter_id": True}, "meter_id is not a whole number"),
        ({"meter_id": 1001.0}, "meter_id is not a whole number"),
        ({"meter_id": -1}, "meter_id is not a whole number"),
        ({"meter_id": 2**32}, "meter_id is not a whole number"),
        ({"meter_id": 3003}, "meter 3003 is not known"),
        ({"meter_id": METER, "form": "2026-01-01"}, "there is no field form"),
        ({"meter_id": METER, "from": 5}, "from is not a time"),
        ({"meter_id": METER, "from": "yesterday"}, "from is not a time"),
        ({"meter_id": METER, "to": ["2026-01-01"]}, "to is not a time"),
        ({"meter_id": METER, "to": ""}, "to is not a time"),
        (
            {"meter_id": METER, "from": "2026-02-01", "to": "2026-01-01"},
            "from is later than to",
        ),
    ],
)
def test_a_wrong_request_is_refused_with_a_sentence_and_changes_nothing(
    books: Bookkeeping, tmp_path: Path, fields: Mapping[str, object], sentence: str
) -> None:
    with pytest.raises(Refusal, match=sentence):
        ask(books, tmp_path, lambda one: one.answer(fields))
    assert waiting(books) == []


@pytest.mark.parametrize(
    ("text", "at_s"),
    [
        ("2026-03-01T00:00:00Z", 1_772_323_200),
        ("2026-03-01T01:00:00+01:00", 1_772_323_200),
        ("2026-03-01", 1_772_323_200),
        ("2026-03-01 00:00:00", 1_772_323_200),
        ("0001-01-01T00:00:00+14:00", -62_135_647_200),
        ("9999-12-31T23:59:59-14:00", 253_402_351_199),
    ],
)
def test_times_are_iso_8601_and_utc_if_they_do_not_say(text: str, at_s: int) -> None:
    assert read_span({"from": text, "to": None}) == Span(at_s, None)
    assert read_span({"to": text}) == Span(None, at_s)


def test_what_the_documents_say_can_be_asked_for(books: Bookkeeping, tmp_path: Path) -> None:
    fields = {"meter_id": METER, "from": utc_text(at(3)), "to": utc_text(at(4))}
    answer, _ = ask(books, tmp_path, lambda one: one.answer(fields))
    assert answer["readings"] == 2


def test_when_the_database_fails_halfway_what_it_took_goes_out_and_the_rest_is_kept(
    books: Bookkeeping, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "PAGE_MAX", 10)
    monkeypatch.setattr(schema, "LOCK_WAIT_S", 0.05)
    unpublish = replay.unpublish
    calls = 0

    def fail_second(connection: sqlite3.Connection, keys: Any) -> int:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise sqlite3.OperationalError("database or disk is full")
        return unpublish(connection, keys)

    monkeypatch.setattr(replay, "unpublish", fail_second)
    with pytest.raises(StoreUnavailable, match="disk is full"):
        ask(books, tmp_path, lambda one: one.replay(METER, ALL))
    assert waiting(books) == [(EPOCH, one) for one in range(10)]
    answer, _ = ask(books, tmp_path, lambda one: one.replay(METER, ALL))
    assert answer["readings"] == 30
    assert len(waiting(books)) == 30


def test_a_page_is_found_by_the_primary_key(books: Bookkeeping) -> None:
    plan = books.connection.execute(
        f"EXPLAIN QUERY PLAN {replay.PAGE}", (METER, EPOCH, 5, 10)
    ).fetchall()
    assert [step[3] for step in plan] == [
        "SEARCH readings USING PRIMARY KEY (meter_id=? AND (epoch,sequence)>(?,?))"
    ]
