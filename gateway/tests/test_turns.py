"""Fairness: a flood, however wide, puts a bounded number of its frames before another's one."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from weir_gateway.counters import RejectCounters
from weir_gateway.links.driver import Driver
from weir_gateway.links.stream import LinkClosed
from weir_gateway.links.turns import (
    ALLOWANCE_FRAMES,
    ALLOWANCE_FRAMES_PER_S,
    ALONE_AFTER_S,
    IN_HAND_ALONE_MAX,
    IN_HAND_MAX,
    Answer,
    Turns,
)
from weir_protocol.framing import Deframer, enframe

FLOOD = b"FFFFFF flood"  # bytes 1 to 4 name the meter
QUIET = b"QQQQQQ quiet"
FRAMES_AT_ONCE = 60


class Hall:
    """Custody and all links in one. It answers only when it is told to."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.turns = Turns(lambda: self.now_s, rest_s=0)
        self.submitted: list[bytes] = []
        self.waiting: list[tuple[Answer, bytes]] = []
        self.refuses: set[bytes] = set()
        self._tasks: list[asyncio.Task[None]] = []

    def submit(self, frame: bytes, _source: str) -> Answer | None:
        self.submitted.append(frame)
        if frame in self.refuses:
            return None
        answer: Answer = asyncio.get_running_loop().create_future()
        self.waiting.append((answer, frame))
        return answer

    def open(self) -> "Link":
        link = Link()
        driver = Driver(self, Deframer(), RejectCounters(), self.turns)
        self._tasks.append(asyncio.create_task(driver.run(link)))
        return link

    def commit(self) -> int:
        """Answer all that is in hand; return how many those are."""
        done, self.waiting = self.waiting, []
        for answer, frame in done:
            answer.set_result(frame)
        return len(done)

    async def passes(self, count: int) -> None:
        """Let the event loop go round so often."""
        for _ in range(count):
            await asyncio.sleep(0)

    async def go_on(self, commits: int) -> None:
        for _ in range(commits):
            await self.passes(50)
            self.commit()

    async def settle(self) -> None:
        """Commit until nothing more is submitted."""
        for _ in range(1000):
            await self.passes(20)
            if not self.commit():
                return

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class Link:
    """An open link; what is put into it is read at once. A flood never ends."""

    source = "test"

    def __init__(self) -> None:
        self._chunks: asyncio.Queue[bytes] = asyncio.Queue()
        self._flood: bytes | None = None
        self.read_count = 0
        self.written = 0

    def bring(self, *frames: bytes) -> None:
        self._chunks.put_nowait(b"".join(map(enframe, frames)))

    def flood_with_rubbish(self) -> None:
        self._flood = b"\x09rubbish\x00" * FRAMES_AT_ONCE
        self.bring(FLOOD)

    def flood(self, frame: bytes) -> None:
        self._flood = b"".join(enframe(frame) for _ in range(FRAMES_AT_ONCE))
        self.bring(frame)

    async def read(self) -> bytes:
        self.read_count += 1
        if self._flood is not None and self._chunks.empty():
            return self._flood
        return await self._chunks.get()

    async def write(self, _: bytes) -> None:
        self.written += 1
        if self.written > 1_000_000:
            raise LinkClosed("enough")


def run(scenario: Callable[[Hall], Awaitable[None]]) -> None:
    async def whole() -> None:
        hall = Hall()
        await scenario(hall)
        await hall.close()

    asyncio.run(whole())


async def prove(hall: Hall, link: Link, frame: bytes) -> None:
    """Let a link bring one genuine frame."""
    link.bring(frame)
    await hall.settle()
    assert link.written >= 1


async def flood(hall: Hall, links: int) -> None:
    """Let links flood until their allowance is used up."""
    for _ in range(links):
        hall.open().flood(FLOOD)
    await hall.go_on(20)


@pytest.mark.parametrize("links", [1, 10, 100])
@pytest.mark.parametrize("genuine", [True, False])
def test_a_flood_puts_few_frames_before_anothers_whatever_its_links(
    links: int, genuine: bool
) -> None:
    async def scenario(hall: Hall) -> None:
        quiet = hall.open()
        await prove(hall, quiet, QUIET)
        await prove(hall, quiet, QUIET)  # the first as a stranger, the second in its own right
        if not genuine:
            hall.refuses.add(FLOOD)
        await flood(hall, links)
        for _ in range(50):
            before = len(hall.submitted)
            quiet.bring(QUIET)
            while QUIET not in hall.submitted[before:]:
                await hall.passes(1)
            assert hall.submitted[before:].index(QUIET) <= 2
            assert hall.commit() <= IN_HAND_MAX + 1
            await hall.passes(20)

    run(scenario)


def test_rubbish_waits_for_its_turn_as_frames_do() -> None:
    async def scenario(hall: Hall) -> None:
        quiet = hall.open()
        await prove(hall, quiet, QUIET)
        await prove(hall, quiet, QUIET)
        links = [hall.open() for _ in range(10)]
        for link in links:
            link.flood_with_rubbish()
        await hall.go_on(20)
        for _ in range(50):
            reads_before = sum(link.read_count for link in links)
            submitted_before = len(hall.submitted)
            quiet.bring(QUIET)
            while len(hall.submitted) == submitted_before:
                await hall.passes(1)
            assert sum(link.read_count for link in links) - reads_before <= 2
            hall.commit()
            await hall.passes(20)
        assert sum(link.read_count for link in links) > 50

    run(scenario)


def test_a_flood_gets_on_all_the_same() -> None:
    async def scenario(hall: Hall) -> None:
        await flood(hall, 3)
        before = len(hall.submitted)
        await hall.go_on(100)
        assert len(hall.submitted) - before >= 100 * IN_HAND_MAX

    run(scenario)


def test_links_that_flood_take_turns_frame_by_frame() -> None:
    async def scenario(hall: Hall) -> None:
        await prove(hall, hall.open(), QUIET)
        kinds = [bytes([letter]) * 12 for letter in b"ABCDE"]
        for kind in kinds:
            link = hall.open()
            await prove(hall, link, kind)
            hall.turns.may_pass(kind[1:5], ALLOWANCE_FRAMES - 1)
            link.flood(kind)
        await hall.go_on(20)
        last = hall.submitted[-50:]
        assert {last.count(kind) for kind in kinds} == {10}

    run(scenario)


def test_more_links_give_one_meter_no_more_allowance() -> None:
    async def scenario(hall: Hall) -> None:
        links = [hall.open() for _ in range(5)]
        for link in links:
            await prove(hall, link, FLOOD)
        assert hall.turns.may_pass(FLOOD[1:5], ALLOWANCE_FRAMES)
        assert not hall.turns.may_pass(FLOOD[1:5], 1)
        hall.now_s += 1
        assert hall.turns.may_pass(FLOOD[1:5], int(ALLOWANCE_FRAMES_PER_S))
        assert not hall.turns.may_pass(FLOOD[1:5], 1)
        assert hall.turns.may_pass(QUIET[1:5], ALLOWANCE_FRAMES)

    run(scenario)


def test_a_month_of_readings_is_within_the_allowance() -> None:
    async def scenario(hall: Hall) -> None:
        link = hall.open()
        await prove(hall, link, QUIET)
        link.bring(*[QUIET] * 60)
        await hall.passes(5)
        assert len(hall.waiting) == 60  # all at once, so they share one commit

    run(scenario)


def test_without_anybody_else_a_flood_gets_more() -> None:
    async def scenario(hall: Hall) -> None:
        await flood(hall, 3)
        hall.now_s += ALONE_AFTER_S + 1
        hall.commit()
        await hall.passes(1000)
        assert len(hall.waiting) > IN_HAND_MAX
        assert len(hall.waiting) <= IN_HAND_ALONE_MAX

    run(scenario)
