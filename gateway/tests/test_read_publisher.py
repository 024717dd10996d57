"""Readings at a moment on MQTT: each result once to the broker, the newest measurement kept."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from peers.bookkeeping import METER, NOW_MS, Bookkeeping
from peers.echo import until
from peers.memory_broker import MemoryBroker
from peers.scripted_meter import STATUS
from weir_gateway import read_publisher
from weir_gateway.clock import Clock
from weir_gateway.errors import StoreUnavailable
from weir_gateway.read_publisher import ReadPublisher
from weir_gateway.store import Store, custody, reads
from weir_gateway.topics import Topics

NOW, RESULT = f"weir/{METER}/now", f"weir/{METER}/read/result"


class Desk:
    """A publisher of reads on a real database and a broker in memory."""

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
        topics = Topics("weir", "gw1")
        self.publisher = ReadPublisher(self.store, self.broker, topics, clock, sweep_s=0.02)
        self.broker.on_delivered = self.publisher.on_delivered
        self.broker.on_connected = self.publisher.on_connected
        self.task = asyncio.create_task(self.publisher.run())

    async def stop(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task

    def ask(self, request_id: str) -> None:
        now_ms = self.books.now_ms
        reads.make(self.books.connection, METER, now_ms, now_ms + 1000, "ann", request_id)

    def status(self, request: int, **changes: int) -> None:
        fields = {**STATUS, "request": request, **changes}
        custody.take_status(self.books.connection, self.books.origin(), fields)
        self.publisher.note()

    def results(self) -> list[Any]:
        return self.broker.documents(RESULT)

    def is_told(self) -> bool:
        return not reads.untold(self.books.connection, 1)

    async def all_told(self) -> None:
        await until(self.is_told, "the mark")


@pytest.fixture(autouse=True)
def numbers_begin_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "COUNTERS_BEGIN_S", NOW_MS // 1000)


def run(folder: Path, scenario: Callable[[Desk], Coroutine[Any, Any, None]]) -> None:
    async def started() -> None:
        desk = Desk(folder)
        await scenario(desk)
        await desk.stop()
        await desk.store.close()
        desk.books.connection.close()

    asyncio.run(started())


def test_an_answer_is_told_to_who_asked_and_retained_for_all(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.broker.auto = True
        await desk.broker.connect()
        desk.ask("r1")
        desk.status(1, flow_l_per_h=120)
        await desk.all_told()
        assert [(one.topic, one.retain) for one in desk.broker.sent] == [
            (RESULT, False),
            (NOW, True),
        ]
        (result,), (now,) = desk.broker.documents(RESULT), desk.broker.documents(NOW)
        assert (result["request_id"], result["state"]) == ("r1", "answered")
        assert result["reading"] == now
        assert (now["cause"], now["flow_l_per_h"]) == ("asked", 120)

    run(tmp_path, scenario)


def test_what_a_person_triggered_is_retained_and_answers_nobody(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.broker.auto = True
        await desk.broker.connect()
        desk.status(0)
        await desk.all_told()
        (message,) = desk.broker.sent
        assert (message.topic, message.retain) == (NOW, True)
        assert desk.broker.documents(NOW)[0]["cause"] == "triggered"

    run(tmp_path, scenario)


def test_who_asked_is_told_that_the_time_ran_out(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.broker.auto = True
        desk.ask("r1")
        await desk.broker.connect()
        desk.books.now_ms += 1000
        await until(lambda: desk.broker.sent, "the message")
        (message,) = desk.broker.sent
        assert message.topic == RESULT
        result = desk.broker.documents(RESULT)[0]
        assert (result["state"], result["reading"]) == ("expired", None)

    run(tmp_path, scenario)


@pytest.mark.parametrize("how", ["the connection ends", "the gateway ends", "the broker denies"])
def test_what_is_not_acknowledged_is_told_again(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_publisher, "DENIED_PAUSE_S", 0.05)

    async def scenario(desk: Desk) -> None:
        desk.ask("r1")
        desk.status(1)
        await desk.broker.connect()
        await until(lambda: len(desk.broker.documents(RESULT)) == 1, "the result")
        await until(lambda: desk.broker.documents(NOW), "the measurement")
        if how == "the broker denies":
            await desk.broker.acknowledge(1)
            await desk.broker.acknowledge(2, "Quota exceeded")
        else:
            await desk.broker.acknowledge(1)
            await desk.broker.lose()
            if how == "the gateway ends":
                await desk.stop()
                desk.start()
            await desk.broker.connect()
        desk.broker.auto = True
        await until(lambda: desk.is_told() or len(desk.results()) > 1, "the repeat")
        assert len(desk.results()) > 1
        await desk.broker.acknowledge(len(desk.broker.in_flight))
        await desk.all_told()
        assert {one["number"] for one in desk.broker.documents(RESULT)} == {1}

    run(tmp_path, scenario)


def test_what_cannot_be_marked_is_not_told_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_publisher, "_RETRY_S", 0.01)
    failures = [StoreUnavailable("the disk is full")] * 3

    async def scenario(desk: Desk) -> None:
        def commit(work: Callable[..., Any], *arguments: Any) -> Any:
            if work is reads.mark_told and failures:
                raise failures.pop()
            return as_ever(work, *arguments)

        as_ever = desk.store.commit
        monkeypatch.setattr(desk.store, "commit", commit)
        desk.broker.auto = True
        desk.ask("r1")
        await desk.broker.connect()
        desk.status(1)
        await desk.all_told()
        assert failures == []
        assert len(desk.broker.documents(RESULT)) == 1

    run(tmp_path, scenario)


def test_a_new_connection_gets_the_newest_measurement_of_each_meter(tmp_path: Path) -> None:
    async def scenario(desk: Desk) -> None:
        desk.broker.auto = True
        for forward in (1, 2):
            desk.status(0, forward_pulses=forward)
        await desk.broker.connect()
        await desk.all_told()
        desk.ask("never answered")
        before = len(desk.broker.documents(NOW))
        await desk.broker.connect()
        await until(lambda: len(desk.broker.documents(NOW)) > before, "the renewal")
        newest = desk.broker.documents(NOW)[-1]
        assert (newest["number"], newest["forward_pulses"]) == (2, 2)

    run(tmp_path, scenario)
