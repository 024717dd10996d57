"""Salvage of files damaged by chance: never a fault, and nothing that was known is forgotten."""

import random
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from peers.bookkeeping import EPOCH, METER, Bookkeeping
from peers.ruin import fold_log, ruin_somewhere
from weir_gateway.errors import GatewayError
from weir_gateway.salvage import salvage
from weir_gateway.store import custody, outbox, retention
from weir_gateway.store.sequences import Range

GroupKey = tuple[int, int]
OLD_EPOCH = 0x0DD
LATE_METER, SMALL_METER = 2002, 3003
FORGOTTEN = range(100, 180)


@dataclass(frozen=True)
class Content:
    """What a database says. known: held or missing, by meter and epoch."""

    held: dict[GroupKey, set[int]]
    missing: dict[GroupKey, set[int]]
    ends: dict[GroupKey, int]

    @property
    def known(self) -> dict[GroupKey, set[int]]:
        return {key: self.held.get(key, set()) | self.missing.get(key, set()) for key in self.ends}


def content(path: Path) -> Content:
    with closing(sqlite3.connect(path)) as opened:
        held: dict[GroupKey, set[int]] = {}
        for meter_id, epoch, sequence in opened.execute(
            "SELECT meter_id, epoch, sequence FROM readings"
        ):
            held.setdefault((meter_id, epoch), set()).add(sequence)
        missing: dict[GroupKey, set[int]] = {}
        for meter_id, epoch, first, last in opened.execute(
            "SELECT meter_id, epoch, first_sequence, last_sequence FROM gaps "
            "WHERE state <> 'closed'"
        ):
            found = missing.setdefault((meter_id, epoch), set())
            assert not found & set(range(first, last + 1)), "gaps overlap"
            found |= set(range(first, last + 1))
        ends = opened.execute("SELECT meter_id, epoch, sequence_next FROM custody")
        return Content(held, missing, {(meter, epoch): end for meter, epoch, end in ends})


def fill(path: Path) -> None:
    """Three meters: with an older epoch, holes, a late beginning, and something forgotten."""
    books = Bookkeeping(path)
    books.connection.execute("BEGIN")
    books.hello(OLD_EPOCH)
    books.span(0, 149, OLD_EPOCH)
    books.hello()
    for first in (*range(0, 400, 50), *range(450, 1200, 50), 400, *range(1300, 2000, 50)):
        books.span(first, first + 49)
    named = [{"first_sequence": 1200, "last_sequence": 1229}]
    custody.take_lost(books.connection, books.origin(), named)
    books.hello(meter_id=LATE_METER, sequence_oldest=5000, sequence_next=5400)
    for first in range(5000, 5400, 50):
        books.span(first, first + 49, meter_id=LATE_METER)
    books.hello(meter_id=SMALL_METER)
    books.span(0, 9, meter_id=SMALL_METER)
    keys = [(METER, EPOCH, sequence) for sequence in range(1000)]
    outbox.mark_published(books.connection, keys)
    gone = [(METER, EPOCH, sequence) for sequence in FORGOTTEN]
    assert retention.forget(books.connection, gone) == len(FORGOTTEN)
    books.connection.execute("COMMIT")
    books.connection.close()
    fold_log(path)


def can_say(path: Path, key: GroupKey) -> bool:
    """Return whether the row of custody can still be had from a damaged file."""
    text = "SELECT sequence_next, stored_count FROM custody WHERE meter_id = ? AND epoch = ?"
    with closing(sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)) as opened:
        opened.text_factory = bytes
        try:
            return opened.execute(text, key).fetchone() is not None
        except (sqlite3.DatabaseError, UnicodeDecodeError):  # a message that quotes junk
            return False


def unaccounted(before: Content, after: Content, damaged: Path) -> dict[GroupKey, list[Range]]:
    """Return what is neither held, nor noted as missing, nor sent by the meter of its own accord.

    A meter of which nothing was left begins with the oldest that it has.
    """
    found = {}
    for key, known in before.known.items():
        if key not in after.ends and not can_say(damaged, key):
            continue
        end = after.ends.get(key, 1 << 62)
        left = {one for one in known if one < end} - after.known.get(key, set())
        if left:
            found[key] = [(min(left), max(left))]
    return found


def try_one(before: Content, whole: bytes, seed: int, folder: Path) -> None:
    damaged, database = folder / "old.db", folder / "weir.db"
    damaged.write_bytes(ruin_somewhere(whole, random.Random(seed)))
    for left in folder.glob("weir.db*"):
        left.unlink()
    try:
        report = salvage(damaged, database)
    except GatewayError as error:
        assert "nothing can be read" in str(error)
        return
    after = content(database)
    assert unaccounted(before, after, damaged) == {}, seed
    with closing(sqlite3.connect(database)) as opened:
        assert opened.execute("PRAGMA integrity_check").fetchall() == [("ok",)], seed
        assert opened.execute("PRAGMA foreign_key_check").fetchall() == [], seed
    assert report.of("readings").added == sum(len(one) for one in after.held.values())
    if report.whole:
        assert after == before, seed
    elif can_say(damaged, (METER, EPOCH)):
        wanted = after.missing.get((METER, EPOCH), set()) - before.missing[METER, EPOCH]
        assert report.missing >= len(wanted), seed


def try_many(seeds: range, folder: Path) -> None:
    fill(folder / "filled.db")
    before = content(folder / "filled.db")
    whole = (folder / "filled.db").read_bytes()
    for seed in seeds:
        try_one(before, whole, seed, folder)


def test_whatever_is_damaged_nothing_is_lost_without_being_named(tmp_path: Path) -> None:
    try_many(range(30), tmp_path)


@pytest.mark.soak
def test_whatever_is_damaged_in_a_thousand_ways_nothing_is_lost(tmp_path: Path) -> None:
    try_many(range(30, 3030), tmp_path)
