"""What is asked of events costs no more when there are many of them."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from peers.bookkeeping import EPOCH, METER
from peers.event_books import FLOW_HIGH, LEAK, RAISE, EventBooks, event
from weir_gateway.store import acknowledgements, event_news, event_queries
from weir_gateway.store.acknowledgements import KEPT_MAX, Acknowledgement

OTHER = 1002
NEVER_READ_WHOLE = re.compile(
    r"SCAN (events|e|c|acknowledgements|k|n)\b"
    r"|SEARCH e USING INDEX events_of_meter \(meter_id=\?\)$"
)
Step = Callable[[EventBooks], object]


@pytest.fixture
def books(tmp_path: Path) -> Iterator[EventBooks]:
    kept = EventBooks(tmp_path / "weir.db")
    for meter_id in (METER, OTHER):
        kept.hello(meter_id=meter_id)
        kept.tell(event(0, FLOW_HIGH, RAISE), event(1, LEAK, RAISE), meter_id=meter_id)
    yield kept
    kept.connection.close()


def plans_of(books: EventBooks, step: Step) -> list[str]:
    """Return how SQLite goes about each statement of ``step``."""
    statements: list[str] = []
    books.connection.set_trace_callback(statements.append)
    step(books)
    books.connection.set_trace_callback(None)
    asked = [
        one for one in statements if one.startswith(("SELECT", "\nSELECT", "UPDATE", "DELETE"))
    ]
    assert asked
    plans = [books.connection.execute(f"EXPLAIN QUERY PLAN {one}").fetchall() for one in asked]
    return [row[3] for plan in plans for row in plan]


STEPS: dict[str, Step] = {
    "active, of a meter": lambda books: event_queries.active_alarms(books.connection, METER),
    "active": lambda books: event_queries.active_alarms(books.connection, None),
    "states": lambda books: event_queries.alarm_states(books.connection, [METER]),
    "missing": lambda books: event_queries.missing_event_count(books.connection, METER),
    "page, of a meter": lambda books: event_queries.alarms(books.connection, METER, 100, 10),
    "page": lambda books: event_queries.alarms(books.connection, None, 100, 10),
    "one": lambda books: event_queries.find_alarm(books.connection, (METER, EPOCH, 0)),
    "meters": lambda books: event_queries.meters_with_alarms(books.connection),
    "counts": lambda books: event_queries.alarm_counts(books.connection),
    "after, of a meter": lambda books: event_queries.events_after(books.connection, METER, 0, 10),
    "after": lambda books: event_queries.events_after(books.connection, None, 0, 10),
    "newest, of a meter": lambda books: event_queries.newest_events(
        books.connection, METER, 100, 10
    ),
    "newest": lambda books: event_queries.newest_events(books.connection, None, 100, 10),
    "number": lambda books: event_queries.newest_number(books.connection),
    "waiting": lambda books: event_news.waiting(books.connection, 10),
    "hello": lambda books: books.hello(),
    "hello, another epoch": lambda books: books.hello(epoch=7),
    "events": lambda books: books.tell(event(2, LEAK)),
    "acknowledge": lambda books: acknowledgements.add(
        books.connection, (METER, EPOCH, 0), Acknowledgement(1, "Ada", "")
    ),
}


@pytest.mark.parametrize("name", STEPS)
def test_no_query_reads_all_events_there_ever_were(books: EventBooks, name: str) -> None:
    whole = [one for one in plans_of(books, STEPS[name]) if NEVER_READ_WHOLE.search(one)]
    assert [one for one in whole if "USING INDEX events_waiting" not in one] == []


@pytest.mark.parametrize(("meter_id", "count"), [(METER, 2), (None, 4)])
def test_alarms_are_found_by_meter_and_page_by_page(
    books: EventBooks, meter_id: int | None, count: int
) -> None:
    active = event_queries.active_alarms(books.connection, meter_id)
    pages: list[event_queries.StoredAlarm] = []
    before = event_queries.NUMBER_MAX
    while page := event_queries.alarms(books.connection, meter_id, before, 1):
        pages += page
        before = page[0].raised.number
    assert pages == active
    assert len(pages) == count
    assert [one.raised.code for one in pages] == [LEAK, FLOW_HIGH] * (count // 2)


def test_of_the_acknowledgements_of_an_alarm_the_newest_are_kept(books: EventBooks) -> None:
    key = (METER, EPOCH, 0)
    for at_ms in range(KEPT_MAX + 5):
        assert acknowledgements.add(books.connection, key, Acknowledgement(at_ms, "Ada", ""))
    kept = books.connection.execute("SELECT made_at_ms FROM acknowledgements").fetchall()
    assert [at_ms for (at_ms,) in kept] == list(range(5, KEPT_MAX + 5))
    found = event_queries.find_alarm(books.connection, key)
    assert found is not None
    assert found.made_at_ms == KEPT_MAX + 4
    assert event_queries.alarm_counts(books.connection) == (4, 3)


def test_no_acknowledgement_is_kept_of_an_alarm_that_never_was(books: EventBooks) -> None:
    words = Acknowledgement(1, "Ada", "")
    assert not acknowledgements.add(books.connection, (METER, EPOCH, 9), words)
