"""Who can be reached: the link on which a meter was answered last, while it is open."""

import asyncio
import tracemalloc
from collections.abc import Awaitable, Callable

import pytest

from weir_gateway.counters import RejectCounters
from weir_gateway.links.driver import Driver
from weir_gateway.links.reach import Reach
from weir_gateway.links.stream import LinkClosed
from weir_gateway.links.turns import ALLOWANCE_FRAMES, Answer, Turns
from weir_protocol.frames import FrameType, Header
from weir_protocol.framing import Deframer, enframe

METER, OTHER = 1001, 1002


def frame(counter: int, meter_id: int = METER, frame_type: FrameType = FrameType.STATUS) -> bytes:
    epoch = 0x5EED0001 if frame_type is FrameType.HELLO else None
    return Header(frame_type, meter_id, counter, epoch).encode() + b"sealed body and tag"


class Link:
    """A stream that is fed by the test. A write waits while ``is_stuck``."""

    source = "test"

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.free = asyncio.Event()
        self.free.set()
        self._arrived: asyncio.Queue[bytes | None] = asyncio.Queue()

    def bring(self, *frames: bytes) -> None:
        self._arrived.put_nowait(b"".join(enframe(one) for one in frames))

    def close(self) -> None:
        self._arrived.put_nowait(None)

    async def read(self) -> bytes:
        chunk = await self._arrived.get()
        if chunk is None:
            raise LinkClosed("end")
        return chunk

    async def write(self, stream_bytes: bytes) -> None:
        self.written.append(stream_bytes[:1])
        await self.free.wait()
        self.written.append(stream_bytes[1:])


class Gate:
    """Custody that answers every frame of a known meter at once."""

    def __init__(self) -> None:
        self.reach = Reach()
        self._turns = Turns(lambda: 0.0, rest_s=0)

    def submit(self, one: bytes, _source: str) -> Answer | None:
        if b"forged" in one:
            return None
        answer: Answer = asyncio.get_running_loop().create_future()
        answer.set_result(b"answer")
        return answer

    def open(self) -> "tuple[Link, asyncio.Task[None]]":
        link = Link()
        driver = Driver(self, Deframer(), RejectCounters(), self._turns, self.reach)
        return link, asyncio.create_task(driver.run(link))


async def passes() -> None:
    for _ in range(300):
        await asyncio.sleep(0)


def run(scenario: Callable[[Gate], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(_on(scenario), 30))


async def _on(scenario: Callable[[Gate], Awaitable[None]]) -> None:
    await scenario(Gate())


def answered(gate: Gate, meter_id: int = METER) -> int | None:
    contact = gate.reach.of(meter_id)
    return None if contact is None else contact.answered_counter


@pytest.mark.parametrize("frame_type", [FrameType.HELLO, FrameType.STATUS])
def test_a_meter_is_reachable_from_its_first_answer_until_its_link_closes(
    frame_type: FrameType,
) -> None:
    async def scenario(gate: Gate) -> None:
        link, _ = gate.open()
        assert answered(gate) is None
        link.bring(frame(0xFFFF_FFFE, frame_type=frame_type))
        await passes()
        assert answered(gate) == 0xFFFF_FFFE
        assert answered(gate, OTHER) is None
        link.bring(frame(0xFFFF_FFFF))
        await passes()
        assert answered(gate) == 0xFFFF_FFFF
        link.close()
        await passes()
        assert answered(gate) is None

    run(scenario)


def test_what_was_refused_reaches_nobody() -> None:
    async def scenario(gate: Gate) -> None:
        link, _ = gate.open()
        link.bring(frame(1) + b"forged")
        await passes()
        assert answered(gate) is None

    run(scenario)


def test_the_close_of_an_older_link_leaves_the_newer_one() -> None:
    async def scenario(gate: Gate) -> None:
        older, _ = gate.open()
        older.bring(frame(1), frame(2, OTHER))
        await passes()
        newer, _ = gate.open()
        newer.bring(frame(3))
        await passes()
        older.close()
        await passes()
        assert (answered(gate), answered(gate, OTHER)) == (3, None)

    run(scenario)


class Quiet:
    """An open link on which nothing happens."""

    is_flooded = False
    outlasts_sessions = False

    async def push(self, compose: Callable[[], bytes]) -> None:
        compose()


def test_a_meter_that_changes_links_all_the_time_takes_no_more_memory() -> None:
    reach, links, one = Reach(), (Quiet(), Quiet()), frame(1)
    tracemalloc.start()
    for _ in range(5000):
        for link in links:
            reach.note(one, link)
    held_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held_bytes < 10_000
    reach.forget(links[0])
    assert reach.of(METER) is not None
    reach.forget(links[1])
    assert reach.of(METER) is None


def test_a_push_waits_for_the_answer_that_is_being_written() -> None:
    async def scenario(gate: Gate) -> None:
        link, _ = gate.open()
        link.bring(frame(1))
        await passes()
        contact = gate.reach.of(METER)
        assert contact is not None
        link.written.clear()
        link.free.clear()
        link.bring(frame(2))
        await passes()
        pushed = asyncio.create_task(contact.channel.push(lambda: b"push"))
        await passes()
        assert b"".join(link.written) == b"a"
        link.free.set()
        await pushed
        assert b"".join(link.written) == b"answerpush"

    run(scenario)


def test_a_push_to_a_link_that_closed_is_told_to_who_pushes() -> None:
    async def scenario(gate: Gate) -> None:
        link, task = gate.open()
        link.bring(frame(1))
        await passes()
        contact = gate.reach.of(METER)
        assert contact is not None
        link.close()
        await task
        with pytest.raises(LinkClosed):
            await contact.channel.push(lambda: b"push")

    run(scenario)


def test_a_link_with_more_than_its_meter_may_bring_is_flooded_until_it_is_not() -> None:
    async def scenario(gate: Gate) -> None:
        link, _ = gate.open()
        flooded = []
        for count in (1, ALLOWANCE_FRAMES + 1, 1):
            link.bring(*(frame(one) for one in range(count)))
            await passes()
            contact = gate.reach.of(METER)
            flooded.append(contact is not None and contact.channel.is_flooded)
        assert flooded == [False, True, False]

    run(scenario)
