"""Retention: what is old, published and not the newest goes; nothing is asked for again."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.bookkeeping import EPOCH, METER, NOW_MS, Bookkeeping
from weir_gateway import retention as keeping
from weir_gateway.clock import Clock
from weir_gateway.retention import Retention
from weir_gateway.store import Store, gap_news, outbox, replay, requests, retention

DAYS = 30
DAY_MS = 86_400_000
OTHER = 2002


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Bookkeeping]:
    """Readings 0 to 19 of long ago and 20 to 29 of now, all published."""
    kept = Bookkeeping(tmp_path / "weir.db")
    kept.now_ms = NOW_MS - (DAYS + 1) * DAY_MS
    kept.hello()
    kept.span(0, 19)
    kept.now_ms = NOW_MS
    kept.span(20, 29)
    publish_all(kept)
    yield kept
    kept.connection.close()


def publish_all(books: Bookkeeping) -> None:
    books.connection.execute("UPDATE readings SET published = 1")


def sweep(tmp_path: Path, days: int = DAYS) -> int:
    async def swept() -> int:
        store = Store(tmp_path / "weir.db")
        store.start()
        try:
            clock = Clock(machine_s=lambda: NOW_MS / 1000)
            return await Retention(store, clock, days, lambda: 0).sweep()
        finally:
            await store.close()

    return asyncio.run(swept())


def held(books: Bookkeeping, meter_id: int = METER, epoch: int = EPOCH) -> list[int]:
    rows = books.connection.execute(
        "SELECT sequence FROM readings WHERE meter_id = ? AND epoch = ? ORDER BY sequence",
        (meter_id, epoch),
    )
    return [sequence for (sequence,) in rows]


def test_what_is_older_than_the_days_goes_and_the_rest_stays(
    books: Bookkeeping, tmp_path: Path
) -> None:
    assert sweep(tmp_path) == 20
    assert held(books) == list(range(20, 30))
    assert sweep(tmp_path) == 0


def forgotten(books: Bookkeeping) -> list[tuple[int, int]]:
    return books.connection.execute(
        "SELECT first_sequence, last_sequence FROM forgotten ORDER BY first_sequence"
    ).fetchall()


def test_what_was_forgotten_is_known_until_it_is_held_again(
    books: Bookkeeping, tmp_path: Path
) -> None:
    assert sweep(tmp_path) == 20
    assert forgotten(books) == [(0, 19)]
    books.span(5, 9)
    assert forgotten(books) == [(0, 4), (10, 19)]
    publish_all(books)
    assert retention.forget(books.connection, [(METER, EPOCH, 7), (METER, EPOCH, 5)]) == 2
    assert retention.forget(books.connection, [(METER, EPOCH, 6)]) == 1
    assert forgotten(books) == [(0, 7), (10, 19)]


def test_a_reading_is_as_old_as_its_arrival_whatever_it_was_measured(
    books: Bookkeeping, tmp_path: Path
) -> None:
    books.connection.execute("UPDATE readings SET measured_at_s = 0 WHERE sequence >= 25")
    assert sweep(tmp_path) == 20
    assert held(books) == list(range(20, 30))


def test_what_is_not_published_stays_however_old(books: Bookkeeping, tmp_path: Path) -> None:
    books.connection.execute("UPDATE readings SET published = 0 WHERE sequence IN (3, 7)")
    assert sweep(tmp_path) == 18
    assert held(books) == [3, 7, *range(20, 30)]


def test_the_newest_of_each_meter_and_epoch_stays(books: Bookkeeping, tmp_path: Path) -> None:
    books.now_ms = NOW_MS - 400 * DAY_MS
    books.hello(meter_id=OTHER)
    books.span(0, 9, meter_id=OTHER)
    books.hello(meter_id=OTHER, epoch=7)
    books.span(0, 4, meter_id=OTHER, epoch=7)
    publish_all(books)
    assert sweep(tmp_path) == 20 + 9 + 4
    assert held(books, OTHER) == [9]
    assert held(books, OTHER, 7) == [4]
    assert outbox.newest_key(books.connection, OTHER) == (OTHER, 7, 4)


def test_what_was_forgotten_makes_no_hole_and_is_not_asked_for_again(
    books: Bookkeeping, tmp_path: Path
) -> None:
    before = books.hello(sequence_oldest=0, sequence_next=30)
    sweep(tmp_path)
    after = books.hello(sequence_oldest=0, sequence_next=30)
    assert (after.resume_at, after.missing) == (before.resume_at, before.missing) == (30, ())
    assert books.span(30, 34).missing == ()
    assert books.gaps() == []


def test_what_was_forgotten_can_be_asked_of_the_meter_and_goes_out_again(
    books: Bookkeeping, tmp_path: Path
) -> None:
    books.hello(sequence_oldest=0, sequence_next=30)
    sweep(tmp_path)
    requests.make(books.connection, (METER, EPOCH), (5, 9), (None, None), NOW_MS)
    assert books.hello(sequence_oldest=0, sequence_next=30).missing == ((5, 9),)
    receipt = books.span(5, 9)
    assert (receipt.stored_count, receipt.missing) == (5, ())
    waiting = outbox.oldest_unpublished(books.connection, METER, 99)
    assert [one.reading.sequence for one in waiting] == list(range(5, 10))
    assert sweep(tmp_path) == 0


def test_old_gaps_that_were_closed_go_and_open_and_lost_ones_stay(
    books: Bookkeeping, tmp_path: Path
) -> None:
    books.now_ms = NOW_MS - 400 * DAY_MS
    for first in (35, 45, 55):
        books.span(first, first + 4)
    books.span(30, 34)
    books.connection.execute("UPDATE gaps SET state = 'lost' WHERE first_sequence = 40")
    books.now_ms = NOW_MS
    books.span(65, 69)
    books.span(60, 64)
    found = [(30, 34, "closed"), (40, 44, "lost"), (50, 54, "open"), (60, 64, "closed")]
    assert books.gaps() == found
    sweep(tmp_path)
    assert books.gaps() == found[1:]


def test_a_hole_that_was_told_is_kept_until_its_end_is_told(
    books: Bookkeeping, tmp_path: Path
) -> None:
    books.now_ms = NOW_MS - 400 * DAY_MS
    books.span(35, 39)
    gap_news.note_changes(books.connection, NOW_MS)
    books.span(30, 34)
    sweep(tmp_path)
    assert books.gaps() == [(30, 34, "closed")]
    gap_news.note_changes(books.connection, NOW_MS)
    sweep(tmp_path)
    assert books.gaps() == []
    told = gap_news.waiting(books.connection, 9)
    assert [one.gap.state for one in told] == ["open", "closed"]


def test_pages_meet_without_a_gap(
    books: Bookkeeping, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "PAGE_MAX", 7)
    assert sweep(tmp_path) == 20
    assert held(books) == list(range(20, 30))


def test_what_is_asked_for_again_while_it_is_looked_at_stays(books: Bookkeeping) -> None:
    page = retention.page(books.connection, NOW_MS - DAYS * DAY_MS, retention.START, 100)
    assert len(page.keys) == 20
    replay.unpublish(books.connection, page.keys[:5])
    assert retention.forget(books.connection, page.keys) == 15
    assert held(books) == [*range(5), *range(20, 30)]


def test_a_busy_gateway_is_given_way_to_but_not_for_ever(
    books: Bookkeeping, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "_QUIET_S", 0.001)
    asked = 0

    def always_busy() -> int:
        nonlocal asked
        asked += 1
        return asked

    async def swept() -> int:
        store = Store(tmp_path / "weir.db")
        store.start()
        clock = Clock(machine_s=lambda: NOW_MS / 1000)
        count = await Retention(store, clock, DAYS, always_busy).sweep()
        await store.close()
        return count

    assert asyncio.run(swept()) == 20
    assert asked > 100


def test_the_space_of_what_was_forgotten_is_used_again(tmp_path: Path) -> None:
    books = Bookkeeping(tmp_path / "weir.db")
    books.hello()
    sizes = []
    for batch in range(4):
        books.now_ms = NOW_MS - 100 * DAY_MS
        books.span(batch * 1500, batch * 1500 + 1499)
        publish_all(books)
        sweep(tmp_path)
        sizes.append(pages(books.connection))
    books.connection.close()
    assert max(sizes[1:]) <= sizes[0] + 4


def pages(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA page_count").fetchone()[0])


def test_a_page_follows_the_primary_key(books: Bookkeeping) -> None:
    plan = books.connection.execute(
        f"EXPLAIN QUERY PLAN {retention.PAGE}", (0, 1, 1, 1, 10)
    ).fetchall()
    assert [step[3] for step in plan] == [
        "SEARCH readings USING PRIMARY KEY ((meter_id,epoch,sequence)>(?,?,?))"
    ]
