"""The virtual world notices what is broken: each defect planted here must be told of."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pytest

from weir.mailbox import Mailbox
from weir.settings.change import Draft
from weir.settings.in_force import Settings
from weir.store.journal import Journal
from weir.store.ring import RingLog
from weir_gateway import documents, lanes
from weir_gateway.gap_publisher import GapPublisher
from weir_gateway.store import alarm_state, custody, events, gap_news, reads
from weir_gateway.store.promise import Origin
from weir_gateway.store.receipt import Receipt
from weir_gateway.store.rows import EventKey
from weir_protocol.records import EventPhase, IntervalRecord
from weir_tools.virtual.scenario import Doing, Fault, Scenario
from weir_tools.virtual.store import VirtualStore
from weir_tools.virtual.world import run


def told(*faults: Fault, days: float = 0.3) -> str:
    """Return all that a small world tells of as broken. Usually it is one without faults."""
    scenario = Scenario(5, 2, days, frozenset(faults), frozenset())
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


def told_of_doings(*doings: Doing, days: float = 1) -> str:
    """Return what a world without faults tells of as broken while people do something."""
    scenario = Scenario(7, 2, days, frozenset(), frozenset(doings))
    return "\n".join(violation.what for violation in run(scenario).violations)


def test_a_gateway_that_forgets_an_event(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(connection: sqlite3.Connection, *arguments: Any) -> Any:
        taken = whole(connection, *arguments)
        connection.execute("DELETE FROM events WHERE sequence = 0")
        return taken

    whole = events.take
    monkeypatch.setattr(events, "take", forgetful)
    assert "is an event neither stored nor named lost" in told_of_doings()


def test_an_event_that_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    spoil_with_readings(monkeypatch, "UPDATE events SET published = 1")
    assert "is an event marked before it arrived" in told_of_doings()


def test_an_alarm_that_the_gateway_does_not_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    def deaf(connection: sqlite3.Connection, event: EventKey, code: int, phase: int) -> None:
        if phase == EventPhase.RAISE:
            whole(connection, event, code, phase)

    whole = alarm_state.follow
    monkeypatch.setattr(alarm_state, "follow", deaf)
    assert "has alarms [] raised, and the gateway has" in told_of_doings(Doing.SENSES, days=4)


def test_a_meter_that_takes_any_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Draft, "faults", lambda *_: {})
    assert "is against the rules, and was applied" in told_of_doings(Doing.SETTINGS, days=9)


def test_a_meter_that_says_applied_and_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def idle(settings: Settings, version: int, *_: Any) -> bool:
        settings.version = version
        return True

    monkeypatch.setattr(Settings, "apply", idle)
    assert "in force, which nobody wants" in told_of_doings(Doing.SETTINGS, days=6)


def test_a_reading_now_that_was_measured_before(monkeypatch: pytest.MonkeyPatch) -> None:
    def stale(errands: Mailbox, reading: Any) -> None:
        first = vars(errands).setdefault("first", reading)
        whole(errands, first)

    def received_at_ms(origin: Origin, _status: Any) -> int:
        return origin.received_at_ms

    whole = Mailbox.measured
    monkeypatch.setattr(Mailbox, "measured", stale)
    monkeypatch.setattr(reads, "_measured_at_ms_max", received_at_ms)
    assert "was answered by what was measured" in told_of_doings(Doing.READS, days=8)


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
        other = "2020-02-02T02:02:02Z" if field == "measured_at" else ["other"]
        return {**documents.reading_document(reading, historical=historical), field: other}

    monkeypatch.setattr(lanes, "reading_document", wrong)
    assert f"was published with {field}" in told()
