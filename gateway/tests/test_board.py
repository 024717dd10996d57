"""The retained messages: newest only, on change only, and all anew for a new connection."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from peers.bookkeeping import METER, Bookkeeping
from peers.memory_broker import MemoryBroker
from peers.scripted_meter import ScriptedMeter
from weir_gateway.availability import AvailabilityWatch
from weir_gateway.board import Board
from weir_gateway.clock import Clock
from weir_gateway.counters import RejectCounters
from weir_gateway.disk import DiskWatch, Room
from weir_gateway.publisher import Publisher
from weir_gateway.registry import Registry
from weir_gateway.status import StatusReporter, Tally
from weir_gateway.store import Store
from weir_gateway.topics import Topics

NEVER_HEARD = 1002
STATE, AVAILABILITY = f"weir/{METER}/state", f"weir/{METER}/availability"
STATUS = "weir/gateway/gw1/status"


class FakeLink:
    kind, place, connection_count = "serial", "/dev/a", 0
    problem: str | None = None

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class Office:
    """A board with everything it tells of. The watch's clock is moved by hand."""

    def __init__(self, folder: Path) -> None:
        keys = folder / "keys.txt"
        keys.touch(mode=0o600)
        key = ScriptedMeter(METER).key.hex()
        keys.write_text(f"{METER} {key}\n{NEVER_HEARD} {key}\n")
        self.registry = Registry(keys)
        self.registry.load()
        self.books = Bookkeeping(folder / "weir.db")
        self.store = Store(folder / "weir.db")
        self.broker = MemoryBroker()
        self.broker.auto = True
        self.link = FakeLink()
        self.disk = DiskWatch(self.store, folder / "weir.db", 72, lambda: self.now_s)
        self.now_s = 0.0
        topics = Topics("weir", "gw1")
        self.watch = AvailabilityWatch(
            Clock(),
            self._on_availability,
            monotonic_s=lambda: self.now_s,
        )
        reporter = StatusReporter(
            "gw1",
            Clock(),
            self.registry,
            self.store,
            self.broker,
            Publisher(self.store, self.broker, topics),
            self.watch,
            RejectCounters(),
            Tally(),
            [self.link],
            self.disk,
        )
        self.board = Board(self.store, self.registry, self.broker, topics, self.watch, reporter)
        self.broker.on_connected = self.board.on_connected

    def _on_availability(self, meter_id: int) -> None:
        self.board.note_availability(meter_id)

    def hear(self, first: int, last: int) -> None:
        self.books.span(first, last)
        self.watch.hear(METER)
        self.board.note_state(METER)


def run(folder: Path, scenario: Callable[[Office], Coroutine[Any, Any, None]]) -> None:
    async def started() -> None:
        office = Office(folder)
        office.store.start()
        await scenario(office)
        await office.store.close()
        office.books.connection.close()

    asyncio.run(started())


def test_many_readings_between_two_sweeps_make_one_state(tmp_path: Path) -> None:
    async def scenario(office: Office) -> None:
        office.books.hello()
        await office.broker.connect()
        for first in range(0, 100, 10):
            office.hear(first, first + 9)
        await office.board.sweep()
        await office.board.sweep()
        (state,) = office.broker.documents(STATE)
        assert state["reading_id"] == f"{METER}-5eed0001-99"
        assert all(message.retain for message in office.broker.sent)

    run(tmp_path, scenario)


def test_availability_is_sent_when_it_changes(tmp_path: Path) -> None:
    async def scenario(office: Office) -> None:
        office.books.hello()
        office.watch.learn(METER, 900)
        await office.broker.connect()
        await office.board.sweep()
        for first in (0, 10):
            office.hear(first, first + 9)
            await office.board.sweep()
        office.now_s = 3000.0
        office.watch.check()
        await office.board.sweep()
        found = office.broker.documents(AVAILABILITY)
        assert [one["availability"] for one in found] == ["unknown", "online", "silent"]
        assert found[-1] == {
            "meter_id": METER,
            "availability": "silent",
            "last_seen": "2026-09-21T14:13:20.000Z",
        }

    run(tmp_path, scenario)


def test_a_registered_meter_that_was_never_heard_is_unknown(tmp_path: Path) -> None:
    async def scenario(office: Office) -> None:
        await office.broker.connect()
        await office.board.sweep()
        assert office.broker.documents(f"weir/{NEVER_HEARD}/availability") == [
            {"meter_id": NEVER_HEARD, "availability": "unknown", "last_seen": None}
        ]
        assert office.broker.documents(f"weir/{NEVER_HEARD}/state") == []

    run(tmp_path, scenario)


def test_a_new_connection_renews_everything(tmp_path: Path) -> None:
    async def scenario(office: Office) -> None:
        office.books.hello()
        await office.broker.connect()
        office.hear(0, 9)
        await office.board.sweep()
        before = len(office.broker.sent)
        await office.board.sweep()
        assert len(office.broker.sent) == before

        await office.broker.connect()
        await office.board.sweep()
        for topic in (STATE, AVAILABILITY, STATUS):
            first, second = office.broker.documents(topic)
            assert {**first, "reported_at": 0} == {**second, "reported_at": 0}

    run(tmp_path, scenario)


def test_an_alarm_of_the_gateway_is_sent_at_once_and_so_is_its_end(tmp_path: Path) -> None:
    async def scenario(office: Office) -> None:
        await office.broker.connect()
        await office.board.sweep()
        for problem in ("unplugged", "unplugged", None):
            office.link.problem = problem
            await office.board.sweep()
        problems = [one["links"][0]["problem"] for one in office.broker.documents(STATUS)]
        assert problems == [None, "unplugged", None]

    run(tmp_path, scenario)


def test_a_disk_that_will_soon_be_full_is_told_at_once_and_so_is_its_end(tmp_path: Path) -> None:
    async def scenario(office: Office) -> None:
        await office.broker.connect()
        office.disk.note(Room(1000, 1000, 0, 5000))
        await office.board.sweep()
        for now_s, used_bytes, free_bytes in ((3600, 2000, 4000), (7200, 3000, 900_000)):
            office.now_s = now_s
            office.disk.note(Room(used_bytes, used_bytes, 0, free_bytes))
            await office.board.sweep()
        told = [one["store"] for one in office.broker.documents(STATUS)]
        assert [one["hours_left"] for one in told] == [None, 4, 900]
        assert [one["growth_bytes_per_h"] for one in told] == [None, 1000, 1000]
        assert [one["free_bytes"] for one in told] == [5000, 4000, 900_000]
        assert [one["warning"] is not None for one in told] == [False, True, False]

    run(tmp_path, scenario)
