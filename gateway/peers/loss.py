"""A damaged database with a past, and the one that replaced it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from peers.bookkeeping import EPOCH, METER, Bookkeeping
from peers.ruin import PAGE_BYTES, junk_pages, page_count
from weir_gateway.salvage import salvage
from weir_gateway.salvage.report import Report
from weir_gateway.store import outbox

RECORDS = 4000
PUBLISHED = 2500
SECOND_METER = 2002
OLD_EPOCH = 0x0DD


class Loss:
    """A database of a past, damaged, and the one that replaced it."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "weir.db"
        self.damaged = folder / "weir.db.damaged-20261121T120000Z-1"
        self._fill()
        self.before = rows(self.damaged)

    def _fill(self) -> None:
        books = Bookkeeping(self.damaged)
        books.connection.execute("BEGIN")
        books.hello(OLD_EPOCH)
        books.span(0, 49, OLD_EPOCH)
        books.hello()
        for first in range(0, RECORDS, 50):
            if first != 1000:
                books.span(first, first + 49)
        books.hello(meter_id=SECOND_METER)
        books.span(0, 49, meter_id=SECOND_METER)
        keys = [(METER, EPOCH, sequence) for sequence in range(PUBLISHED)]
        outbox.mark_published(books.connection, keys)
        books.connection.execute("COMMIT")
        books.connection.close()

    def salvage(self, *, dry_run: bool = False) -> Report:
        return salvage(self.damaged, self.database, dry_run=dry_run)

    def reachable(self) -> set[tuple[int, ...]]:
        """Return what an independent reader gets: every key looked up alone."""
        found = set()
        with closing(sqlite3.connect(f"{self.damaged.as_uri()}?immutable=1", uri=True)) as opened:
            opened.execute("PRAGMA writable_schema = ON")
            for key in self.before:
                text = "SELECT * FROM readings WHERE meter_id = ? AND epoch = ? AND sequence = ?"
                try:
                    found |= {row[:3] for row in opened.execute(text, key)}
                except sqlite3.DatabaseError:
                    continue
        return found


def rows(path: Path) -> dict[tuple[int, ...], tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return {row[:3]: row for row in connection.execute("SELECT * FROM readings")}


def column(path: Path, text: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(text).fetchall()


def refill(loss: Loss, *records: int) -> Bookkeeping:
    books = Bookkeeping(loss.database)
    books.hello()
    for first in records:
        books.span(first, first + 49)
    return books


def open_sequences(path: Path, epoch: int = EPOCH, state: str = "open") -> set[int]:
    ranges = column(
        path,
        "SELECT first_sequence, last_sequence FROM gaps "
        f"WHERE state = '{state}' AND meter_id = {METER} AND epoch = {epoch}",
    )
    return {
        sequence
        for first, last in ranges
        for sequence in range(int(str(first)), int(str(last)) + 1)
    }


def readings_leaves(path: Path) -> list[int]:
    """Return the pages that hold readings and no keys of other pages, in the file's order."""
    leaf_of_index = 0x0A
    found = []
    content = path.read_bytes()
    for page in range(2, page_count(path) + 1):
        at = (page - 1) * PAGE_BYTES
        cells = int.from_bytes(content[at + 3 : at + 5], "big")
        if content[at] == leaf_of_index and 20 < cells < 90:
            found.append(page)
    return found


def junk_some_pages(path: Path) -> None:
    leaves = readings_leaves(path)
    for page in (leaves[3], leaves[4], leaves[20], leaves[-2]):
        junk_pages(path, range(page, page + 1))


def junk_every_other_page(path: Path) -> None:
    for page in readings_leaves(path)[5:35:2]:
        junk_pages(path, range(page, page + 1))
