"""Pushes: what is new for a meter is written to its open link at once, and never for nothing."""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from peers.office import METER, Office, keep_open
from peers.scripted_meter import ScriptedMeter
from weir_gateway import pusher
from weir_gateway.clock import Clock
from weir_gateway.links.reach import Reach
from weir_gateway.links.stream import LinkClosed
from weir_gateway.pusher import AGAIN_AFTER_S, Pusher
from weir_gateway.store import errands
from weir_gateway.store.errand import Errand
from weir_protocol.frames import FrameType
from weir_protocol.framing import Deframer

FAR_S = 1000.0


class Wire:
    """An open link. It takes what is written while ``free`` is set, unless it is ``broken``."""

    def __init__(self, desk: "Desk") -> None:
        self._desk = desk
        self.is_flooded = self.outlasts_sessions = False
        self.broken = False
        self.free = asyncio.Event()
        self.free.set()
        self.used: list[tuple[int, int]] = []
        self.written = asyncio.Event()

    async def push(self, compose: Callable[[], bytes]) -> None:
        await self.free.wait()
        if self.broken:
            raise LinkClosed("gone")
        for frame in Deframer().feed(compose()):
            frame_type, fields = self._desk.meter.open_downlink(frame)
            assert frame_type is FrameType.READ_NOW
            assert fields["counter"] < self._desk.next_counter(), "used before it was durable"
            self.used.append((fields["request"], fields["answers"]))
        self.written.set()


class Desk(Office):
    """A meter with a link and a pusher; ``due`` are the requests that wait for it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(folder)
        self.keys = folder / "keys.txt"
        self.due: list[int] = []
        monkeypatch.setattr(errands, "PRODUCERS", (self._produce,))
        self.reach = Reach()
        self.pusher = Pusher(self.store, self.reach, self.custodian, Clock())

    async def call(self, stream_bytes: bytes, wire: Wire) -> dict[str, Any]:
        """Let the meter say one frame over this link, and note that it was answered there."""
        answer = await self.tell(stream_bytes)
        (frame,) = Deframer().feed(stream_bytes)
        self.reach.note(frame, wire)
        return answer

    def add_meter(self, meter_id: int) -> ScriptedMeter:
        added = ScriptedMeter(meter_id)
        with self.keys.open("a") as file:
            file.write(f"{meter_id} {added.key.hex()}\n")
        self.registry.load()
        return added

    async def put(self, *requests: int) -> None:
        """Have these requests wait for the meter, and say so."""
        self.due = [*requests]
        await self.store.commit(errands.wake, self.meter.meter_id)
        self.pusher.wake(self.meter.meter_id)

    async def rest(self) -> None:
        """Wait until all that was asked for before has been through the database."""
        for _ in range(20):  # until the pushes have begun
            await asyncio.sleep(0)
        await self.store.commit(lambda _: None)
        for _ in range(20):
            await asyncio.sleep(0)

    def next_counter(self) -> int:
        with self.connect() as connection:
            row = connection.execute("SELECT MAX(downlink_counter) FROM custody").fetchone()
            return int(row[0])

    def _produce(self, *_: object) -> Iterable[Errand]:
        return [Errand(FrameType.READ_NOW, {"request": one}, ("read", one)) for one in self.due]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Desk]:
    monkeypatch.setattr(pusher, "AGAIN_AFTER_S", (FAR_S,))
    return lambda: Desk(tmp_path, monkeypatch)


def test_what_is_new_is_written_at_once_with_the_uplink_acknowledged_last(
    desk: Callable[[], Desk],
) -> None:
    async def scenario(here: Desk) -> None:
        wire = Wire(here)
        await here.call(here.meter.hello(), wire)
        answer = await here.call(here.meter.span(0, 1), wire)
        await here.put(7)
        await asyncio.wait_for(wire.written.wait(), 30)
        assert wire.used == [(7, answer["answers"])]

    keep_open(desk, scenario)


def test_a_push_that_was_not_heard_goes_with_the_answer_to_the_next_uplink(
    desk: Callable[[], Desk],
) -> None:
    async def scenario(here: Desk) -> None:
        wire = Wire(here)
        await here.call(here.meter.hello(), wire)
        await here.put(7)
        await asyncio.wait_for(wire.written.wait(), 30)
        await here.call(here.meter.span(0, 1), wire)
        assert [fields["request"] for _, fields in here.meter.told] == [7]

    keep_open(desk, scenario)


def test_a_push_names_the_uplink_that_was_acknowledged_while_it_waited(
    desk: Callable[[], Desk],
) -> None:
    async def scenario(here: Desk) -> None:
        wire = Wire(here)
        await here.call(here.meter.hello(), wire)
        wire.free.clear()
        await here.put(7)
        await here.rest()
        here.due = []
        answer = await here.call(here.meter.span(0, 1), wire)
        wire.free.set()
        await asyncio.wait_for(wire.written.wait(), 30)
        assert wire.used == [(7, answer["answers"])]

    keep_open(desk, scenario)


def test_what_an_answer_told_a_moment_ago_is_not_pushed(desk: Callable[[], Desk]) -> None:
    async def scenario(here: Desk) -> None:
        wire = Wire(here)
        here.due = [7]
        await here.call(here.meter.hello(), wire)
        assert len(here.meter.told) == 1
        await here.put(7, 8)
        await asyncio.wait_for(wire.written.wait(), 30)
        assert [request for request, _ in wire.used] == [8]

    keep_open(desk, scenario)


@pytest.mark.parametrize("state", ["flooded", "closed", "never heard"])
def test_nothing_is_written_where_it_would_be_in_vain(
    desk: Callable[[], Desk], state: str
) -> None:
    async def scenario(here: Desk) -> None:
        wire = Wire(here)
        if state != "never heard":
            await here.call(here.meter.hello(), wire)
        wire.is_flooded = state == "flooded"
        if state == "closed":
            here.reach.forget(wire)
        await here.put(7)
        await here.rest()
        assert wire.used == []

    keep_open(desk, scenario)


def test_it_is_written_again_a_few_times_and_then_left_to_the_next_uplink(
    desk: Callable[[], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pusher, "AGAIN_AFTER_S", tuple(0.0 for _ in AGAIN_AFTER_S))

    async def scenario(here: Desk) -> None:
        wire = Wire(here)
        await here.call(here.meter.hello(), wire)
        await here.put(7)
        for _ in range(20):
            await here.rest()
        assert [request for request, _ in wire.used] == [7] * (1 + len(AGAIN_AFTER_S))

    keep_open(desk, scenario)


def test_what_is_done_is_not_written_again(
    desk: Callable[[], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pusher, "AGAIN_AFTER_S", (0.0,))

    async def scenario(here: Desk) -> None:
        wire = Wire(here)
        await here.call(here.meter.hello(), wire)
        wire.free.clear()
        await here.put(7)
        await here.rest()
        here.due = []
        wire.free.set()
        for _ in range(20):
            await here.rest()
        assert [request for request, _ in wire.used] == [7]

    keep_open(desk, scenario)


@pytest.mark.parametrize("fate", ["breaks", "takes nothing"])
def test_a_link_that_breaks_or_takes_nothing_holds_up_no_other_meter(
    desk: Callable[[], Desk], fate: str
) -> None:
    async def scenario(here: Desk) -> None:
        unlucky = Wire(here)
        await here.call(here.meter.hello(), unlucky)
        unlucky.broken = fate == "breaks"
        unlucky.free.clear()
        await here.put(7)
        await here.rest()
        if unlucky.broken:
            unlucky.free.set()
        here.meter = here.add_meter(METER + 1)
        wire = Wire(here)
        await here.call(here.meter.hello(), wire)
        await here.put(8)
        await asyncio.wait_for(wire.written.wait(), 30)
        assert unlucky.used == []
        await here.pusher.stop()

    keep_open(desk, scenario)
