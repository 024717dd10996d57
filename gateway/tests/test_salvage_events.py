"""Salvage keeps events, which alarms are active, and who acknowledged them."""

from pathlib import Path

import pytest

from peers.bookkeeping import METER
from peers.event_books import CLEAR, FLOW_HIGH, LEAK, RAISE, EventBooks, event
from peers.loss import column
from weir_gateway.salvage import salvage
from weir_gateway.salvage.report import Report
from weir_gateway.store import acknowledgements
from weir_gateway.store.acknowledgements import Acknowledgement


class Past:
    """A damaged database with a past of alarms, and the one in use."""

    def __init__(self, folder: Path) -> None:
        self.damaged, self.database = folder / "old.db", folder / "weir.db"
        self.books = EventBooks(self.damaged)
        self.books.hello()
        self.books.tell(event(3, FLOW_HIGH, RAISE), event(4, FLOW_HIGH, CLEAR))
        self.books.tell(event(5, LEAK, RAISE))
        words = Acknowledgement(self.books.now_ms, "Ada", "valve ordered")
        acknowledgements.add(self.books.connection, (METER, self.books.epoch, 5), words)

    def salvage(self) -> Report:
        self.books.connection.close()
        return salvage(self.damaged, self.database)

    def tables(self, path: Path) -> list[list[tuple[object, ...]]]:
        names = ("events", "alarms", "acknowledgements", "event_gaps")
        return [column(path, f"SELECT * FROM {name} ORDER BY 1, 2, 3") for name in names]


@pytest.fixture
def past(tmp_path: Path) -> Past:
    return Past(tmp_path)


def test_events_alarms_and_acknowledgements_come_over_whole(past: Past) -> None:
    assert past.salvage().whole
    tables = past.tables(past.database)
    assert tables == past.tables(past.damaged)
    assert [len(rows) for rows in tables] == [3, 2, 1, 1]


def test_salvaging_twice_adds_no_event(past: Past) -> None:
    past.salvage()
    before = past.tables(past.database)
    report = past.salvage()
    assert (report.of("events").added, report.of("events").present) == (0, 3)
    assert past.tables(past.database) == before


def test_an_alarm_that_was_cleared_since_is_not_active_again(past: Past) -> None:
    books = EventBooks(past.database)
    books.hello()
    books.tell(event(6, LEAK, CLEAR))
    books.connection.close()
    past.salvage()
    assert column(past.database, "SELECT code, sequence, cleared_sequence FROM alarms") == [
        (FLOW_HIGH, 3, 4),
        (LEAK, 5, 6),
    ]


def test_a_clear_that_only_the_damaged_one_knew_is_taken_over(past: Past) -> None:
    books = EventBooks(past.database)
    books.hello()
    books.tell(event(3, FLOW_HIGH, RAISE))
    assert books.active() == [FLOW_HIGH]
    past.salvage()
    assert books.active() == [LEAK]
    books.connection.close()
