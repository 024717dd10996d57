"""What becomes of gaps is told on MQTT at least once: the lost always, a hole when it stays."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from peers.bookkeeping import METER, NOW_MS, Bookkeeping
from peers.echo import until
from peers.gateway_run import GatewayRun
from peers.memory_broker import MemoryBroker
from peers.mosquitto import Consumer, Mosquitto
from peers.scripted_meter import ScriptedMeter, record
from peers.waiting import wait_for
from weir_gateway import gap_publisher
from weir_gateway.clock import Clock, utc_text
from weir_gateway.errors import StoreUnavailable
from weir_gateway.gap_publisher import GapPublisher
from weir_gateway.store import Store, custody, gap_news
from weir_gateway.topics import Topics

TOPIC = f"weir/{METER}/gap"
Told = tuple[int, int, str]


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Bookkeeping]:
    kept = Bookkeeping(tmp_path / "weir.db")
    kept.hello()
    yield kept
    kept.connection.close()


def lose(books: Bookkeeping, first: int, last: int) -> None:
    lost = [{"first_sequence": first, "last_sequence": last}]
    custody.take_lost(books.connection, books.origin(), lost)


def tell(books: Bookkeeping) -> list[Told]:
    """Return what is to be told now, and let it be told."""
    if gap_news.has_changes(books.connection, books.now_ms):
        gap_news.note_changes(books.connection, books.now_ms)
    assert not gap_news.has_changes(books.connection, books.now_ms)
    waiting = gap_news.waiting(books.connection, 100)
    gap_news.mark_told(books.connection, waiting)
    return [(one.gap.first_sequence, one.gap.last_sequence, one.gap.state) for one in waiting]


def test_what_is_named_lost_is_told_once(books: Bookkeeping) -> None:
    books.span(10, 19)
    lose(books, 0, 4)
    books.hello(sequence_oldest=8, sequence_next=20)
    lose(books, 30, 39)
    assert tell(books) == [(0, 4, "lost"), (5, 7, "lost"), (30, 39, "lost")]
    lose(books, 0, 39)
    assert tell(books) == [(8, 9, "lost"), (20, 29, "lost")]
    lose(books, 0, 39)
    assert tell(books) == []


def test_a_hole_that_closes_soon_is_not_told(books: Bookkeeping) -> None:
    books.span(10, 19)
    books.now_ms += gap_news.OPEN_MS - 1
    assert tell(books) == []
    books.span(0, 9)
    books.now_ms += gap_news.OPEN_MS
    assert tell(books) == []


def test_a_hole_that_stays_is_told_and_its_end_too(books: Bookkeeping) -> None:
    books.span(10, 19)
    books.now_ms += gap_news.OPEN_MS
    assert tell(books) == [(0, 9, "open")]
    books.span(4, 5)
    assert tell(books) == []
    books.span(0, 3)
    books.span(6, 9)
    assert tell(books) == [(0, 9, "closed")]
    books.now_ms += gap_news.OPEN_MS
    assert tell(books) == []
    assert books.connection.execute("SELECT COUNT(*) FROM gap_news").fetchone() == (0,)


def test_a_hole_that_was_told_and_is_lost_is_told_as_lost(books: Bookkeeping) -> None:
    books.span(10, 19)
    books.span(25, 29)
    books.now_ms += gap_news.OPEN_MS
    assert tell(books) == [(0, 9, "open"), (20, 24, "open")]
    lose(books, 0, 9)
    lose(books, 20, 21)
    books.span(22, 24)
    assert tell(books) == [(0, 9, "lost"), (20, 21, "lost"), (20, 24, "closed")]


def test_what_was_lost_and_still_comes_is_told_as_closed(books: Bookkeeping) -> None:
    lose(books, 0, 9)
    books.span(3, 4)
    assert tell(books) == [(0, 9, "lost"), (3, 4, "closed")]


def test_a_hole_keeps_the_time_at_which_it_was_noticed(books: Bookkeeping) -> None:
    books.span(10, 19)
    books.now_ms += gap_news.OPEN_MS - 1
    books.span(4, 5)
    books.now_ms += 1
    assert tell(books) == [(0, 3, "open"), (6, 9, "open")]
    rows = books.connection.execute("SELECT DISTINCT noticed_at_ms FROM gaps").fetchall()
    assert rows == [(NOW_MS,)]


def test_the_holes_of_an_older_epoch_are_told_as_lost(books: Bookkeeping) -> None:
    books.span(10, 19)
    books.hello(epoch=7)
    assert tell(books) == [(0, 9, "lost")]


class Desk:
    """A publisher of gaps on a real database and a broker in memory."""

    def __init__(self, folder: Path) -> None:
        self.books = Bookkeeping(folder / "weir.db")
        self.books.hello()
        self.store = Store(folder / "weir.db")
        self.broker = MemoryBroker()
        self.store.start()
        self.start()

    def start(self) -> None:
        """Begin with nothing in memory, as after a restart of the gateway."""
        clock = Clock(machine_s=lambda: self.books.now_ms / 1000)
        self.publisher = GapPublisher(self.store, self.broker, Topics("weir", "gw1"), clock)
        self.broker.on_delivered = self.publisher.on_delivered
        self.broker.on_connected = self.publisher.on_connected
        self.task = asyncio.create_task(self.publisher.run())

    async def stop(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task

    def told(self) -> list[str]:
        return [document["id"] for document in self.broker.documents(TOPIC)]


def run(folder: Path, scenario: Callable[[Desk], Coroutine[Any, Any, None]]) -> None:
    async def started() -> None:
        desk = Desk(folder)
        await scenario(desk)
        await desk.stop()
        await desk.store.close()
        assert gap_news.waiting(desk.books.connection, 10) == []
        desk.books.connection.close()

    asyncio.run(started())


def test_a_lost_range_is_published_with_its_bounds(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.broker.auto = True
        desk.books.span(0, 4)
        lose(desk.books, 5, 7)
        desk.books.span(8, 9)
        await desk.broker.connect()
        await until(lambda: desk.broker.sent, "the message")
        (message,) = desk.broker.sent
        assert (message.topic, message.retain) == (TOPIC, False)
        assert desk.broker.documents(TOPIC) == [
            {
                "id": f"{METER}-5eed0001-5-7",
                "meter_id": METER,
                "epoch": "5eed0001",
                "first_sequence": 5,
                "last_sequence": 7,
                "count": 3,
                "state": "lost",
                "noticed_at": f"{utc_text(NOW_MS // 1000)[:-1]}.000Z",
                "from": utc_text(record(4).taken_at_s),
                "to": utc_text(record(8).taken_at_s),
            }
        ]
        await until(lambda: not gap_news.waiting(desk.books.connection, 1), "the mark")

    run(tmp_path, scenario)


@pytest.mark.parametrize("how", ["the connection ends", "the gateway ends", "the broker denies"])
def test_what_is_not_acknowledged_is_told_again_under_the_same_id(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gap_publisher, "DENIED_PAUSE_S", 0.05)

    async def scenario(desk: Desk) -> None:
        lose(desk.books, 0, 4)
        lose(desk.books, 10, 14)
        await desk.broker.connect()
        await until(lambda: len(desk.broker.in_flight) == 2, "both messages")
        if how == "the broker denies":
            await desk.broker.acknowledge(1, "Quota exceeded")
            await desk.broker.acknowledge(1)
        else:
            await desk.broker.acknowledge(1)
            await desk.broker.lose()
            if how == "the gateway ends":
                await desk.stop()
                desk.start()
            await desk.broker.connect()
        desk.broker.auto = True
        await until(lambda: len(desk.told()) > 2, "the repeat")
        if how != "the broker denies":
            await desk.broker.acknowledge(len(desk.broker.in_flight))
        await until(lambda: not gap_news.waiting(desk.books.connection, 1), "the mark")
        assert set(desk.told()) == {f"{METER}-5eed0001-0-4", f"{METER}-5eed0001-10-14"}
        assert len(desk.told()) in (3, 4)

    run(tmp_path, scenario)


def test_what_cannot_be_marked_is_not_told_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gap_publisher, "_RETRY_S", 0.01)
    failures = [StoreUnavailable("the disk is full")] * 3

    async def scenario(desk: Desk) -> None:
        def commit(work: Callable[..., Any], *arguments: Any) -> Any:
            if work is gap_news.mark_told and failures:
                raise failures.pop()
            return as_ever(work, *arguments)

        as_ever = desk.store.commit
        monkeypatch.setattr(desk.store, "commit", commit)
        desk.broker.auto = True
        lose(desk.books, 0, 4)
        await desk.broker.connect()
        await until(lambda: not gap_news.waiting(desk.books.connection, 1), "the mark")
        assert failures == []
        assert desk.told() == [f"{METER}-5eed0001-0-4"]

    run(tmp_path, scenario)


def test_many_gaps_go_out_in_their_order_a_few_at_a_time(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        for sequence in range(0, 100, 2):
            lose(desk.books, sequence, sequence)
        await desk.broker.connect()
        acknowledged = 0
        while acknowledged < 50:
            await until(lambda: desk.broker.in_flight, "messages")
            assert len(desk.broker.in_flight) <= gap_publisher.BATCH_MAX
            acknowledged += len(desk.broker.in_flight)
            await desk.broker.acknowledge(len(desk.broker.in_flight))
        await until(lambda: not gap_news.waiting(desk.books.connection, 1), "the mark")
        expected = [f"{METER}-5eed0001-{one}-{one}" for one in range(0, 100, 2)]
        assert list(dict.fromkeys(desk.told())) == expected

    run(tmp_path, scenario)


KILLED = """
import os, pathlib, signal, sys
from weir_gateway import broker, gap_publisher
from weir_gateway.app import run
from weir_gateway.store import gap_news

publish = broker.Broker.publish

def die(*arguments, **keywords):
    os.kill(os.getpid(), signal.SIGKILL)

async def die_before_a_gap(self, topic, *arguments, **keywords):
    if topic.endswith("/gap"):
        die()
    await publish(self, topic, *arguments, **keywords)

if sys.argv[2:] == ["before"]:
    broker.Broker.publish = die_before_a_gap
else:
    gap_news.mark_told = die
sys.exit(run(pathlib.Path(sys.argv[1])))
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_range_survives_a_kill_before_it_is_sent_and_before_it_is_marked(
    gateway: GatewayRun, consumer: Consumer, broker: Mosquitto, when: str
) -> None:
    meter = ScriptedMeter(METER)
    gateway.write_keys(meter)
    gateway.start(KILLED.replace("sys.argv[2:]", repr([when])))
    with closing(gateway.dial()) as link:
        link.ask(meter, meter.hello(sequence_next=20))
        link.send(meter.lost((0, 9)))
        assert gateway.wait() == -9
    gateway.start()
    topic = f"weir/{METER}/gap"
    count = 1 if when == "before" else 2
    wait_for(lambda: len(consumer.payloads(topic)) >= count, "the gap on MQTT")
    told = consumer.payloads(topic)
    assert [(one["id"], one["state"]) for one in told] == [
        (f"{METER}-5eed0001-0-9", "lost")
    ] * count
