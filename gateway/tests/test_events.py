"""Events of meters: kept once before they are acknowledged, and what they say of alarms."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from peers.bookkeeping import EPOCH, METER, NOW_MS, Bookkeeping
from peers.event_books import CLEAR, FLOW_HIGH, LEAK, NOTE, RAISE, EventBooks, event
from peers.office import Office, keep_open
from weir_gateway.clock import Clock
from weir_gateway.retention import Retention
from weir_gateway.store import (
    Store,
    acknowledgements,
    event_retention,
    events,
    gateway_events,
)
from weir_gateway.store.acknowledgements import Acknowledgement
from weir_gateway.store.gateway_events import Finding
from weir_gateway.store.receipt import Receipt
from weir_gateway.store.rows import GATEWAY_EPOCH
from weir_protocol.frames import CommandCode, FrameType
from weir_protocol.records import EventCode, EventPhase, TimeQuality

SILENCE = 256


@pytest.fixture
def books(tmp_path: Path) -> Iterator[EventBooks]:
    kept = EventBooks(tmp_path / "weir.db")
    kept.hello()
    yield kept
    kept.connection.close()


def test_an_event_is_kept_once(books: EventBooks) -> None:
    assert books.tell(event(0, FLOW_HIGH, RAISE)).event_count == 1
    again = books.tell(event(0, FLOW_HIGH, RAISE), event(1, FLOW_HIGH, CLEAR))
    assert (again.event_count, again.conflicts) == (1, ())
    assert books.sequences() == [0, 1]


def test_an_event_that_is_held_is_never_overwritten(books: EventBooks) -> None:
    books.tell(event(0, FLOW_HIGH, RAISE, value=9))
    receipt = books.tell(event(0, FLOW_HIGH, CLEAR, value=8))
    assert receipt.conflicts == (f"{METER}-{EPOCH:08x}-e0",)
    assert books.column("value") == [9]
    assert books.active() == [FLOW_HIGH]


def test_sequences_of_events_go_on_behind_their_32_bits(books: EventBooks) -> None:
    books.tell(event(2**31 - 1), event(2**31))
    books.tell(event(2**32 - 1), event(0))
    assert books.sequences() == [2**31 - 1, 2**31, 2**32 - 1, 2**32]


def asked_from(receipt: Receipt) -> list[int]:
    """Return from which event on the meter is told to go on."""
    wish = CommandCode.EVENTS_FROM
    return [one.fields["argument"] for one in receipt.errands if one.fields.get("code") == wish]


def give_up(books: EventBooks, sequence: int) -> None:
    """Let a meter begin anew with an event that is held, as often as it is asked."""
    for _ in range(events.ASKS):
        books.now_ms += 60_000
        books.tell(event(sequence))
        books.tell(event(sequence))  # a repeat of the frame says nothing new


def test_events_that_a_meter_left_out_are_asked_for_until_it_is_sure_that_they_are_gone(
    books: EventBooks,
) -> None:
    assert asked_from(books.tell(event(0))) == []
    assert asked_from(books.tell(event(3))) == [1]
    assert asked_from(books.hello()) == [1]
    assert asked_from(books.tell(event(1), event(2), event(3))) == []
    assert asked_from(books.tell(event(5))) == [4]
    give_up(books, 5)
    assert asked_from(books.take()) == []
    assert asked_from(books.hello()) == [6]
    assert events.gaps(books.connection, METER, EPOCH) == [(4, 4)]


def test_a_sequence_beyond_31_bits_is_asked_for_as_well(books: EventBooks) -> None:
    books.tell(event(2**31 - 1))
    give_up(books, 2**31 - 1)
    assert asked_from(books.hello()) == [-(2**31)]


def test_an_alarm_that_was_raised_in_an_event_that_comes_late_is_active(
    books: EventBooks,
) -> None:
    books.tell(event(3, LEAK, RAISE))
    books.tell(event(0, FLOW_HIGH, RAISE), event(1, LEAK, RAISE), event(2, LEAK, CLEAR))
    assert sorted(books.active()) == sorted([FLOW_HIGH, LEAK])


def test_events_that_never_came_are_noted_until_they_come(books: EventBooks) -> None:
    books.tell(event(3))
    books.tell(event(4), event(9))
    assert events.gaps(books.connection, METER, EPOCH) == [(0, 2), (5, 8)]
    books.tell(event(1), event(6))
    assert events.gaps(books.connection, METER, EPOCH) == [(0, 0), (2, 2), (5, 5), (7, 8)]
    assert events.sequence_next(books.connection, METER, EPOCH) == 10


def test_an_alarm_is_active_from_its_raise_to_its_clear(books: EventBooks) -> None:
    books.tell(event(0, FLOW_HIGH, RAISE), event(1, LEAK, RAISE))
    assert books.active() == [FLOW_HIGH, LEAK]
    books.tell(event(2, FLOW_HIGH, CLEAR))
    assert books.active() == [LEAK]
    assert books.alarms() == [(0, FLOW_HIGH, 2), (1, LEAK, None)]


def test_the_clear_names_the_alarm_that_it_ends(books: EventBooks) -> None:
    books.tell(event(0, FLOW_HIGH, RAISE), event(1, LEAK, RAISE), event(2, FLOW_HIGH, CLEAR))
    assert books.column("alarm_sequence") == [0, 1, 0]


def test_what_is_raised_while_it_is_active_goes_on(books: EventBooks) -> None:
    books.tell(event(0, LEAK, RAISE), event(1, LEAK, RAISE))
    assert books.alarms() == [(0, LEAK, None)]
    books.tell(event(2, LEAK, CLEAR), event(3, LEAK, CLEAR))
    assert books.alarms() == [(0, LEAK, 2)]
    assert books.column("alarm_sequence") == [0, 0, 0, None]


def test_what_comes_late_undoes_nothing(books: EventBooks) -> None:
    books.tell(event(5, LEAK, CLEAR))
    books.tell(event(4, LEAK, RAISE))
    assert books.active() == []
    assert books.sequences() == [5, 4]


def test_a_note_is_no_alarm(books: EventBooks) -> None:
    books.tell(event(0, EventCode.CLOCK_STEPPED, NOTE, value=-3))
    assert books.alarms() == []
    assert books.sequences() == [0]


def test_a_replaced_meter_leaves_no_alarm_behind(books: EventBooks) -> None:
    books.tell(event(0, LEAK, RAISE))
    find(books, SILENCE, EventPhase.RAISE)
    assert books.hello(epoch=7).event_count == 1
    assert books.active() == [SILENCE]
    assert books.hello(epoch=7).event_count == 0
    (ended,) = books.connection.execute(
        "SELECT code, phase, alarm_epoch FROM events WHERE epoch = ? AND phase = 2",
        (GATEWAY_EPOCH,),
    ).fetchall()
    assert ended == (LEAK, EventPhase.CLEAR, EPOCH)


def test_an_alarm_of_an_older_epoch_that_comes_back_ends_with_the_next_hello(
    books: EventBooks,
) -> None:
    books.hello(epoch=7)
    books.tell(event(0, LEAK, RAISE))  # a late frame, or what a salvage brought back
    assert books.active() == [LEAK]
    assert books.hello(epoch=7).event_count == 1
    assert books.active() == []


def find(books: Bookkeeping, code: int, phase: EventPhase, meter_id: int = METER) -> bool:
    finding = Finding(meter_id, code, phase, 200, 100, books.now_ms)
    return gateway_events.note(books.connection, finding)


def test_what_the_gateway_notices_is_noted_when_it_changes_something(books: EventBooks) -> None:
    assert not find(books, SILENCE, EventPhase.CLEAR)
    assert find(books, SILENCE, EventPhase.RAISE)
    assert not find(books, SILENCE, EventPhase.RAISE)
    assert find(books, SILENCE, EventPhase.RAISE, meter_id=4711)
    assert find(books, SILENCE, EventPhase.CLEAR)
    first, last = books.sequences()[0], books.sequences()[-1]
    assert last == first + 1


def test_the_gateway_gives_no_id_anew_in_a_fresh_database(
    books: EventBooks, tmp_path: Path
) -> None:
    find(books, SILENCE, EventPhase.RAISE)
    fresh = EventBooks(tmp_path / "fresh.db")
    fresh.now_ms = NOW_MS + 1000
    find(fresh, SILENCE, EventPhase.RAISE)
    assert fresh.sequences() > books.sequences()
    fresh.connection.close()


def test_an_event_without_a_time_is_placed_by_the_boot_it_is_of(books: EventBooks) -> None:
    books.hello(time_quality=int(TimeQuality.UNSET), clock_s=50)
    unset = int(TimeQuality.UNSET)
    books.tell(
        event(0, LEAK, RAISE, taken_at_s=99, time_quality=unset),
        event(1, EventCode.RESTARTED, NOTE, taken_at_s=0, time_quality=unset),
        event(2, LEAK, CLEAR, taken_at_s=40, time_quality=unset),
        event(3, LEAK, RAISE, taken_at_s=5000, time_quality=unset),
        event(4, LEAK, CLEAR, taken_at_s=NOW_MS // 1000),
    )
    now_s = NOW_MS // 1000
    assert books.column("measured_at_s") == [None, now_s - 50, now_s - 10, None, now_s]


def test_events_are_acknowledged_and_repeats_too(tmp_path: Path) -> None:
    async def scenario(office: Office) -> None:
        meter = office.meter

        def told(*items: dict[str, Any]) -> bytes:
            return meter.uplink(FrameType.EVENTS, {"settings_version": 7, "items": [*items]})

        await office.tell(meter.hello())
        first = await office.tell(told(event(0, LEAK, RAISE)))
        again = await office.tell(told(event(0, LEAK, RAISE)))
        assert again["answers"] == first["answers"] + 1
        await office.tell(told(event(0, LEAK, CLEAR)))
        await office.tell(told())

    office = keep_open(lambda: Office(tmp_path), scenario)
    assert office.counters.totals == {"conflict": 1}


def test_a_meter_that_says_hello_is_told_from_which_event_on_it_is_to_tell(tmp_path: Path) -> None:
    async def scenario(office: Office) -> None:
        meter = office.meter

        def wanted() -> list[int]:
            commands = [fields for kind, fields in meter.told if kind is FrameType.COMMAND]
            wish = CommandCode.EVENTS_FROM
            return [one["argument"] for one in commands if one["code"] == wish]

        async def wanted_at_hello() -> int:
            meter.told = []
            await office.tell(meter.hello())
            (argument,) = wanted()
            return argument

        async def tell(*items: dict[str, int]) -> None:
            fields = {"settings_version": 7, "items": [*items]}
            await office.tell(meter.uplink(FrameType.EVENTS, fields))

        assert await wanted_at_hello() == 0
        await tell(event(0), event(1))
        assert await wanted_at_hello() == 2
        await tell(event(6))
        assert await wanted_at_hello() == 2
        await tell(event(2), event(3), event(4), event(5), event(6))
        assert await wanted_at_hello() == 7
        await office.tell(meter.poll())
        assert len(wanted()) == 1

    keep_open(lambda: Office(tmp_path), scenario)


def sweep(tmp_path: Path, days: int) -> None:
    async def swept() -> None:
        store = Store(tmp_path / "weir.db")
        store.start()
        clock = Clock(machine_s=lambda: NOW_MS / 1000 + 40 * 86_400)
        await Retention(store, clock, days, lambda: 0).sweep()
        await store.close()

    asyncio.run(swept())


def test_retention_forgets_what_is_over_and_published_and_not_the_newest(
    books: EventBooks, tmp_path: Path
) -> None:
    books.tell(event(0), event(1, FLOW_HIGH, RAISE), event(2, FLOW_HIGH, CLEAR))
    books.tell(event(3, LEAK, RAISE), event(4), event(5))
    find(books, SILENCE, EventPhase.RAISE)
    find(books, SILENCE, EventPhase.CLEAR)
    alarm, words = (METER, EPOCH, 1), Acknowledgement(NOW_MS, "Ada", "seen")
    assert acknowledgements.add(books.connection, alarm, words)
    sweep(tmp_path, 30)
    assert len(books.sequences()) == 8
    books.connection.execute("UPDATE events SET published = 1 WHERE sequence <> 4")
    sweep(tmp_path, 50)
    assert len(books.sequences()) == 8
    sweep(tmp_path, 30)
    assert books.sequences()[:-1] == [3, 4, 5]  # an active alarm, what waits, and the newest
    assert [code for _, code, _ in books.alarms()] == [LEAK]
    left = books.connection.execute("SELECT COUNT(*) FROM acknowledgements").fetchone()
    assert left == (0,)
    again = books.tell(event(1, FLOW_HIGH, RAISE), event(6))
    assert (again.event_count, again.conflicts) == (1, ())
    assert events.gaps(books.connection, METER, EPOCH) == []


def test_retention_keeps_every_event_of_an_alarm_that_is_kept(books: EventBooks) -> None:
    books.tell(event(0, LEAK, RAISE), event(1, LEAK, RAISE), event(2, LEAK, CLEAR), event(3))
    books.tell(event(4))
    books.connection.execute("UPDATE events SET published = 1")
    assert event_retention.forget_events(books.connection, NOW_MS + 1, 50) == 1
    assert books.sequences() == [0, 1, 2, 4]
