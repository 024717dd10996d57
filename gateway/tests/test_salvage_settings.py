"""Salvage keeps what meters are to be set to, what they said, and the history of both."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from peers.bookkeeping import METER, Bookkeeping
from weir_gateway.salvage import salvage
from weir_gateway.store import schema
from weir_gateway.store.settings import rows, versions
from weir_gateway.store.settings.versions import NewVersion

FAST = {"sample_interval_s": 30}
SLOW = {"store_interval_s": 1800}


def ask(books: Bookkeeping, overrides: dict[str, int], meter_id: int = METER) -> None:
    books.now_ms += 1000
    new = NewVersion(overrides, overrides, "anna", request_id="monday")
    versions.make(books.connection, meter_id, new, books.now_ms)


class Loss:
    """A database with one version applied and one that waits; and the one in use."""

    def __init__(self, folder: Path) -> None:
        self.damaged = folder / "old.db"
        self.database = folder / "weir.db"
        old = Bookkeeping(self.damaged)
        old.hello(settings_version=0)
        old.report(0, items={80: 10})
        old.span(0, 3)
        ask(old, FAST)
        old.span(4, 9)
        old.report(1, items={1: 30, 80: 10}, first_sequence=10)
        ask(old, SLOW)
        old.connection.close()
        self.books = Bookkeeping(self.database)
        self.books.counter = old.counter

    def salvage(self) -> Any:
        self.books.connection.close()
        report = salvage(self.damaged, self.database)
        self.books.connection = schema.connect(self.database)
        return report

    def states(self) -> list[tuple[str, dict[str, int]]]:
        found = rows.versions(self.books.connection, METER, "1")
        return [(one.state, one.overrides) for one in reversed(found)]


@pytest.fixture
def loss(tmp_path: Path) -> Iterator[Loss]:
    made = Loss(tmp_path)
    yield made
    made.books.connection.close()


def test_what_waits_still_waits_and_reaches_the_meter(loss: Loss) -> None:
    assert loss.salvage().whole
    assert loss.states() == [("applied", FAST), ("pending", SLOW)]
    attested = rows.reported(loss.books.connection, METER)
    assert attested is not None
    assert attested.reported == {"sample_interval_s": 30, "pulse_weight_ml": 10}
    assert attested.provisioned == {"pulse_weight_ml": 10}
    receipt = loss.books.span(10, 11)
    assert [errand.frame_type.name for errand in receipt.errands] == ["SETTINGS"]
    assert loss.books.column("sample_interval_s")[-2:] == [30, 30]


def test_what_waits_reaches_a_meter_that_was_heard_since(loss: Loss) -> None:
    loss.books.hello(settings_version=1, sequence_oldest=0, sequence_next=10)
    loss.books.report(1, items={1: 30, 80: 10}, first_sequence=10)
    loss.salvage()
    assert [errand.frame_type.name for errand in loss.books.span(10, 11).errands] == ["SETTINGS"]
    loss.books.span(4, 9)
    assert loss.books.column("sample_interval_s") == [60] * 10 + [30] * 2


def test_what_was_on_its_way_is_superseded_by_what_was_decided_since(loss: Loss) -> None:
    with closing(sqlite3.connect(loss.damaged)) as connection:
        connection.execute("UPDATE settings_versions SET state = 'sent' WHERE version = 2")
        connection.commit()
    loss.books.now_ms += 10**6
    ask(loss.books, {"store_interval_s": 600})
    loss.salvage()
    assert [state for state, _ in loss.states()] == ["applied", "superseded", "pending"]


def test_a_weight_that_was_reported_is_not_replaced_by_one_of_the_damaged_database(
    loss: Loss,
) -> None:
    loss.books.hello(settings_version=1, sequence_oldest=0, sequence_next=10)
    loss.books.report(1, items={1: 30, 80: 25}, first_sequence=10)
    loss.salvage()
    shapes = loss.books.connection.execute(
        "SELECT first_sequence, pulse_weight_ml FROM shapes ORDER BY first_sequence"
    )
    assert dict(shapes.fetchall())[10] == 25


def test_what_was_decided_since_stays_the_newest(loss: Loss) -> None:
    loss.books.now_ms += 10**6
    ask(loss.books, {"store_interval_s": 600})
    assert loss.salvage().whole
    newest = ("pending", {"store_interval_s": 600})
    assert loss.states() == [("applied", FAST), ("superseded", SLOW), newest]
    loss.salvage()
    assert len(loss.states()) == 3  # again changes nothing


@pytest.mark.parametrize(
    "spoilt",
    [
        "state = 'appliqué'",
        "overrides = 'x'",
        "changes = '[]'",
        "version = 70000",
        "number = 1 << 40",
        "made_by = x'00'",
        "sent_epoch = -1",
    ],
)
def test_a_version_that_the_gateway_cannot_have_written_is_left(loss: Loss, spoilt: str) -> None:
    with closing(sqlite3.connect(loss.damaged)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        table = connection.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'settings_versions'"
        ).fetchone()[0]
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET sql = ? WHERE name = 'settings_versions'",
            (table.replace("STRICT, ", ""),),
        )
        connection.commit()
    with closing(sqlite3.connect(loss.damaged)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(f"UPDATE settings_versions SET {spoilt} WHERE version = 2")
        connection.commit()
    report = loss.salvage()
    assert report.of("settings_versions").unsound == 1
    assert loss.states() == [("applied", FAST)]
