"""The virtual world notices what is broken: each defect planted here must be told of."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pytest

from weir.store.journal import Journal
from weir.store.ring import RingLog
from weir_gateway import documents, lanes
from weir_gateway.gap_publisher import GapPublisher
from weir_gateway.store import custody, gap_news
from weir_gateway.store.promise import Origin
from weir_gateway.store.receipt import Receipt
from weir_protocol.records import IntervalRecord
from weir_tools.virtual.scenario import Fault, Scenario
from weir_tools.virtual.store import VirtualStore
from weir_tools.virtual.world import run


def told(*faults: Fault, days: float = 0.3) -> str:
    """Return all that a small world tells of as broken. Usually it is one without faults."""
    scenario = Scenario(5, meters=2, days=days, faults=frozenset(faults))
    return "\n".join(violation.what for violation in run(scenario).violations)


def spoil_with_readings(monkeypatch: pytest.MonkeyPatch, statement: str) -> None:
    """Let every commit of readings do this to the database as well."""

    def spoilt(
        connection: sqlite3.Connection, origin: Origin, records: Sequence[IntervalRecord]
    ) -> Receipt:
        receipt = whole(connection, origin, records)
        connection.execute(statement)
        return receipt

    whole = custody.take_readings
    monkeypatch.setattr(custody, "take_readings", spoilt)


def test_nothing_is_told_where_nothing_is_broken() -> None:
    assert told() == ""
    assert told(Fault.POWER, days=1) == ""


def test_a_gateway_that_answers_for_what_it_did_not_store(monkeypatch: pytest.MonkeyPatch) -> None:
    spoil_with_readings(monkeypatch, "DELETE FROM readings WHERE sequence % 10 = 3")
    assert "is neither stored nor named lost" in told()


def test_an_answer_before_its_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    def hasty(store: VirtualStore, work: Any, *arguments: Any) -> "asyncio.Future[Any]":
        """Tell at once what the commit will come to."""
        as_asked(store, work, *arguments)
        told_at_once = asyncio.get_running_loop().create_future()
        with closing(sqlite3.connect(store._path)) as connection:
            told_at_once.set_result(work(connection, *arguments))
            connection.rollback()
        return told_at_once

    as_asked = VirtualStore.commit
    monkeypatch.setattr(VirtualStore, "commit", hasty)
    assert "was acknowledged before its commit" in told()


def test_a_ring_that_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Journal, "append", lambda journal, _: journal.sequence_next)
    assert "was appended but is not in the ring" in told()


def test_a_reading_under_changing_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "reading_id", lambda *key: "-".join(map(str, key)) + "-0")
    assert "was published under the id" in told()


def test_what_is_marked_before_it_went_out(monkeypatch: pytest.MonkeyPatch) -> None:
    spoil_with_readings(monkeypatch, "UPDATE readings SET published = 1")
    assert "was marked published before it arrived" in told()


def test_a_gateway_that_keeps_a_loss_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(_publisher: GapPublisher) -> None:
        """Tell nothing."""

    monkeypatch.setattr(GapPublisher, "run", silent)
    assert "is named lost, but no message told of it" in told(Fault.POWER, days=1)


def test_a_loss_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def pessimistic(
        connection: sqlite3.Connection, origin: Origin, records: Sequence[IntervalRecord]
    ) -> Receipt:
        receipt = whole(connection, origin, records)
        for record in records[:1]:
            bounds = (record.sequence, record.sequence)
            gap_news.tell(connection, (origin.meter_id, origin.epoch), bounds, "lost", 0)
        return receipt

    whole = custody.take_readings
    monkeypatch.setattr(custody, "take_readings", pessimistic)
    assert "was told as lost, but is stored" in told()


def test_a_mount_that_believes_only_its_newest_sector(monkeypatch: pytest.MonkeyPatch) -> None:
    def forget(ring: RingLog) -> None:
        ring._oldest = ring._newest
        ring.sequence_oldest = ring._read_first

    monkeypatch.setattr(RingLog, "_find_oldest", forget)
    assert "was named lost while the meter had it" in told(Fault.POWER, Fault.OUTAGES, days=4)


def test_a_ring_that_gives_up_two_sectors_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up_twice(ring: RingLog) -> None:
        once(ring)
        once(ring)

    once = RingLog._advance_oldest
    monkeypatch.setattr(RingLog, "_advance_oldest", give_up_twice)
    assert "was named lost while the meter had it" in told(Fault.OUTAGES, days=6)


@pytest.mark.parametrize(
    "field",
    [
        "measured_at",
        "interval_s",
        "forward_volume_l",
        "interval_forward_volume_l",
        "flow_peak_l_per_h",
        "quality",
    ],
)
def test_a_publication_that_says_other_than_the_record(
    field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(reading: Any, *, historical: bool) -> dict[str, Any]:
        return {**documents.reading_document(reading, historical=historical), field: ["other"]}

    monkeypatch.setattr(lanes, "reading_document", wrong)
    assert f"was published with {field}" in told()
