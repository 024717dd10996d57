"""Events are on MQTT once each, in order, until the broker has taken them; alarms are retained."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from peers.bookkeeping import METER, NOW_MS
from peers.echo import until
from peers.event_books import CLEAR, FLOW_HIGH, LEAK, RAISE, EventBooks, event
from peers.memory_broker import MemoryBroker
from weir_gateway import alarm_board, event_publisher
from weir_gateway.alarm_board import AlarmBoard
from weir_gateway.clock import utc_text
from weir_gateway.errors import StoreUnavailable
from weir_gateway.event_publisher import EventPublisher
from weir_gateway.store import Store, event_news, event_queries, gateway_events
from weir_gateway.store.gateway_events import Finding
from weir_gateway.topics import Topics
from weir_protocol.records import EventPhase, TimeQuality

TOPIC = f"weir/{METER}/event"
RETAINED = f"weir/{METER}/alarms"
SECOND = 2002


class EventDesk:
    """What publishes events and alarms, on a real database and a broker in memory."""

    def __init__(self, folder: Path) -> None:
        self.books = EventBooks(folder / "weir.db")
        self.books.hello()
        self.store = Store(folder / "weir.db")
        self.broker = MemoryBroker()
        self.store.start()
        self.start()

    def start(self) -> None:
        """Begin with nothing in memory, as after a restart of the gateway."""
        topics = Topics("weir", "gw1")
        self.publisher = EventPublisher(self.store, self.broker, topics)
        self.board = AlarmBoard(self.store, self.broker, topics)
        self.broker.on_delivered = self.publisher.on_delivered
        self.broker.on_connected = self._on_connected
        self.tasks = [asyncio.create_task(part.run()) for part in (self.publisher, self.board)]

    def _on_connected(self) -> None:
        self.publisher.on_connected()
        self.board.on_connected()

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def take(self, *items: dict[str, int], meter_id: int = METER) -> None:
        self.books.tell(*items, meter_id=meter_id)
        self.publisher.note()
        self.board.note(meter_id)

    def told(self, topic: str = TOPIC) -> list[int]:
        return [document["sequence"] for document in self.broker.documents(topic)]

    def active(self) -> list[list[str]]:
        documents = self.broker.documents(RETAINED)
        return [[alarm["name"] for alarm in one["active"]] for one in documents]

    async def all_marked(self) -> None:
        await until(lambda: not event_news.waiting(self.books.connection, 1), "the mark")


def run(folder: Path, scenario: Callable[[EventDesk], Coroutine[Any, Any, None]]) -> None:
    async def started() -> None:
        desk = EventDesk(folder)
        await scenario(desk)
        await desk.stop()
        await desk.store.close()
        desk.books.connection.close()

    asyncio.run(started())


def test_an_event_says_what_happened_when_and_how_well_that_is_known(tmp_path: Path) -> None:
    async def scenario(desk: EventDesk) -> None:
        desk.broker.auto = True
        desk.take(event(0, LEAK, RAISE, value=86400, limit=86400))
        await desk.broker.connect()
        await desk.all_marked()
        assert desk.broker.documents(TOPIC) == [
            {
                "id": f"{METER}-5eed0001-e0",
                "meter_id": METER,
                "source": "meter",
                "epoch": "5eed0001",
                "sequence": 0,
                "code": LEAK,
                "name": "leak",
                "phase": "raise",
                "value": 86400,
                "limit": 86400,
                "unit": "s",
                "alarm": f"{METER}-5eed0001-e0",
                "measured_at": utc_text(NOW_MS // 1000 - 5),
                "time_quality": "bounded",
                "time_error_s": 0.5,
                "received_at": f"{utc_text(NOW_MS // 1000)[:-1]}.000Z",
            }
        ]
        assert not any(one.retain for one in desk.broker.sent if one.topic == TOPIC)

    run(tmp_path, scenario)


def test_events_go_out_once_each_in_order_and_wait_for_no_acknowledgement(tmp_path: Path) -> None:
    async def scenario(desk: EventDesk) -> None:
        await desk.broker.connect()
        for sequence in range(70):
            desk.take(event(sequence))
            if sequence % 40 == 0:
                await until(lambda: desk.broker.in_flight, "the first messages")
        desk.take(event(0), meter_id=METER)
        while len(desk.told()) < 70:
            await desk.broker.acknowledge(10)
            await asyncio.sleep(0)
        await desk.broker.acknowledge(len(desk.broker.in_flight))
        await desk.all_marked()
        assert desk.told() == list(range(70))

    run(tmp_path, scenario)


@pytest.mark.parametrize("how", ["the connection ends", "the gateway ends", "the broker denies"])
def test_what_is_not_acknowledged_is_published_again_under_the_same_id(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_publisher, "DENIED_PAUSE_S", 0.05)

    async def scenario(desk: EventDesk) -> None:
        desk.take(event(0), event(1), event(2))
        await desk.broker.connect()
        await until(lambda: len(desk.told()) == 3, "all messages")
        mine = [one for one in desk.broker.in_flight if one.topic == TOPIC]
        desk.broker.in_flight = mine
        if how == "the broker denies":
            await desk.broker.acknowledge(1)
            await desk.broker.acknowledge(2, "Quota exceeded")
        else:
            await desk.broker.acknowledge(1)
            await until(lambda: len(event_news.waiting(desk.books.connection, 9)) == 2, "a mark")
            await desk.broker.lose()
            if how == "the gateway ends":
                await desk.stop()
                desk.start()
            await desk.broker.connect()
        desk.broker.auto = True
        await until(lambda: len(desk.told()) == 5, "the repeats")
        await desk.broker.acknowledge(len(desk.broker.in_flight))
        await desk.all_marked()
        assert desk.told() == [0, 1, 2, 1, 2]

    run(tmp_path, scenario)


def test_nothing_is_marked_before_the_broker_has_taken_it(tmp_path: Path) -> None:
    async def scenario(desk: EventDesk) -> None:
        desk.take(event(0), event(1))
        await desk.broker.connect()
        await until(lambda: len(desk.told()) == 2, "the messages")
        desk.take(event(2))
        await until(lambda: len(desk.told()) == 3, "the message after")
        await desk.store.commit(lambda _: None)  # what was asked of the database before is done
        assert len(event_news.waiting(desk.books.connection, 9)) == 3

    run(tmp_path, scenario)


def test_what_cannot_be_marked_is_marked_later_and_not_published_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_publisher, "_RETRY_S", 0.01)
    failures = [StoreUnavailable("the disk is full")] * 3

    async def scenario(desk: EventDesk) -> None:
        def commit(work: Callable[..., Any], *arguments: Any) -> Any:
            if work is event_news.mark_told and failures:
                raise failures.pop()
            return real_commit(work, *arguments)

        real_commit = desk.store.commit
        monkeypatch.setattr(desk.store, "commit", commit)
        desk.broker.auto = True
        desk.take(event(0))
        await desk.broker.connect()
        await desk.all_marked()
        assert not failures
        assert desk.told() == [0]

    run(tmp_path, scenario)


def test_older_events_come_first_when_the_connection_is_renewed_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(desk: EventDesk) -> None:
        async def read(work: Callable[..., Any], *arguments: Any) -> Any:
            found = await real_read(work, *arguments)
            if work is event_news.waiting and len(found) == 3 and not renewed:
                renewed.append(True)
                await desk.broker.connect()
            return found

        renewed: list[bool] = []
        real_read = desk.store.read
        monkeypatch.setattr(desk.store, "read", read)
        desk.take(event(0), event(1))
        await desk.broker.connect()
        await until(lambda: desk.told() == [0, 1], "the first two")
        desk.take(event(2))
        await until(lambda: len(desk.told()) == 5, "the repeats", seconds=10)
        assert desk.told() == [0, 1, 0, 1, 2]

    run(tmp_path, scenario)


def test_the_active_alarms_are_retained_and_renewed_on_every_change(tmp_path: Path) -> None:
    async def scenario(desk: EventDesk) -> None:
        desk.broker.auto = True
        await desk.broker.connect()
        await until(lambda: desk.active() == [[]], "no alarms")
        desk.take(event(0, LEAK, RAISE))
        await until(lambda: desk.active()[-1] == ["leak"], "the leak")
        desk.take(event(1, FLOW_HIGH, RAISE, time_quality=int(TimeQuality.WORSE)))
        await until(lambda: desk.active()[-1] == ["flow_high", "leak"], "both")
        desk.take(event(2, LEAK, CLEAR))
        await until(lambda: desk.active()[-1] == ["flow_high"], "the rest")
        assert all(one.retain for one in desk.broker.sent if one.topic == RETAINED)
        newest = desk.broker.documents(RETAINED)[-1]
        assert (newest["active_count"], newest["unacknowledged_count"]) == (1, 1)
        assert newest["missing_event_count"] == 0
        (alarm,) = newest["active"]
        assert alarm["id"] == f"{METER}-5eed0001-e1"
        assert (alarm["value"], alarm["limit"], alarm["unit"]) == (120, 100, "l/h")
        assert (alarm["time_quality"], alarm["acknowledged"]) == ("unbounded", None)
        desk.take(event(9))
        await until(
            lambda: desk.broker.documents(RETAINED)[-1]["missing_event_count"] == 6, "the gap"
        )

    run(tmp_path, scenario)


def test_the_alarms_of_all_meters_are_renewed_with_every_connection(tmp_path: Path) -> None:
    async def scenario(desk: EventDesk) -> None:
        desk.broker.auto = True
        desk.books.hello(meter_id=SECOND)
        never_heard = Finding(4711, 256, EventPhase.RAISE, 1, 1, NOW_MS)
        gateway_events.note(desk.books.connection, never_heard)
        desk.take(event(0, LEAK, RAISE))
        topics = [f"weir/{meter_id}/alarms" for meter_id in (METER, SECOND, 4711)]

        def renewals() -> list[int]:
            return [len(desk.broker.documents(topic)) for topic in topics]

        await desk.broker.connect()
        await until(lambda: renewals() == [1, 1, 1], "the first of each")
        await desk.broker.connect()
        await until(lambda: renewals() == [2, 2, 2], "their renewal")
        assert desk.active() == [["leak"], ["leak"]]

    run(tmp_path, scenario)


def test_alarms_that_could_not_be_read_are_sent_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alarm_board, "_RETRY_S", 0.01)
    failures = [StoreUnavailable("the disk is full")] * 2

    async def scenario(desk: EventDesk) -> None:
        async def read(work: Callable[..., Any], *arguments: Any) -> Any:
            if work is event_queries.alarm_states and failures:
                raise failures.pop()
            return await real_read(work, *arguments)

        real_read = desk.store.read
        monkeypatch.setattr(desk.store, "read", read)
        desk.broker.auto = True
        desk.take(event(0, LEAK, RAISE))
        await desk.broker.connect()
        await until(lambda: desk.active() == [["leak"]], "the leak", seconds=30)
        assert not failures

    run(tmp_path, scenario)


def test_a_new_meter_gets_its_retained_alarms_once_however_often_it_calls(tmp_path: Path) -> None:
    async def scenario(desk: EventDesk) -> None:
        desk.broker.auto = True
        await desk.broker.connect()
        await until(lambda: desk.active() == [[]], "those of the known meter")
        desk.books.hello(meter_id=SECOND)
        for meter_id in (SECOND, METER):
            desk.board.note_heard(meter_id)
        topic = f"weir/{SECOND}/alarms"
        await until(lambda: len(desk.broker.documents(topic)) == 1, "those of the new one")
        desk.board.note_heard(SECOND)
        desk.take(event(0, LEAK, RAISE))
        await until(lambda: len(desk.active()) == 2, "the leak")
        assert desk.active() == [[], ["leak"]]
        assert len(desk.broker.documents(topic)) == 1

    run(tmp_path, scenario)
