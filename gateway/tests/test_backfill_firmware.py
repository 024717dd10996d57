"""Back-fill between the meter's own session code and a gateway on a real database, in memory.

Whatever is lost on the way, everything is held or named lost in the end, and each once.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from peers.firmware_meter import EPOCH, METER, FirmwareMeter, Journal
from peers.office import Office
from weir_gateway.store import Store, requests
from weir_protocol.frames import FrameType, peek_header
from weir_protocol.framing import Deframer, enframe

ROUND_TRIP_MS = 60
LAST = 2**32 - 1

Fate = Callable[[str, int, FrameType], int]
"""Given the direction, the number of the frame in it, and its type: how many copies arrive."""


def safe(_direction: str, _number: int, _frame_type: FrameType) -> int:
    return 1


class Air:
    """Carries frames between a meter and an office, and time with them."""

    def __init__(self, office: Office, meter: FirmwareMeter, fate: Fate = safe) -> None:
        self.office, self.meter, self.fate = office, meter, fate
        self.link_ms = 1000
        self.sessions = 0
        self.carried = {"up": 0, "down": 0}
        self.types: list[str] = []
        self.before_answering: Callable[[int], bool] = lambda _: True

    async def run_session(self) -> None:
        session = self.meter.session
        session.begin()
        self.sessions += 1
        while self._is_active():
            uplinks = self._uplinks()
            for answer in await self._deliver(uplinks):
                session.receive(answer, self.link_ms, self.link_ms)
            if uplinks:
                self._pass_time(self.link_ms + ROUND_TRIP_MS)
            elif session.link_wake_at_ms is not None:
                self._pass_time(session.link_wake_at_ms)

    async def run_until_complete(self, sessions_max: int) -> None:
        while not self.meter.session.complete:
            assert self.sessions < sessions_max, "the meter does not come to rest"
            await self.run_session()

    def _is_active(self) -> bool:
        return self.meter.session.active

    def _pass_time(self, link_ms: int) -> None:
        self.link_ms = link_ms
        self.office.monotonic_s = link_ms / 1000

    def _uplinks(self) -> list[bytes]:
        stream = b""
        while written := self.meter.session.transmit(self.link_ms, self.link_ms):
            stream += written
        return Deframer().feed(stream)

    async def _deliver(self, uplinks: list[bytes]) -> list[bytes]:
        arrived = [copy for frame in uplinks for copy in self._carry("up", frame)]
        submitted = [self.office.custodian.submit(frame, "air") for frame in arrived]
        downlinks: list[bytes] = []
        for number, answer in enumerate(submitted):
            stream = await answer if answer is not None else None
            if stream is not None and self.before_answering(number):
                downlinks += Deframer().feed(stream)
        return [enframe(copy) for frame in downlinks for copy in self._carry("down", frame)]

    def _carry(self, direction: str, frame: bytes) -> list[bytes]:
        frame_type = peek_header(frame).frame_type
        self.carried[direction] += 1
        self.types.append(frame_type.name)
        return [frame] * self.fate(direction, self.carried[direction], frame_type)


def play(
    folder: Path, journal: Journal, fate: Fate = safe, *, sessions_max: int = 1
) -> tuple[Office, Air]:
    """Let the meter deliver everything in at most ``sessions_max`` sessions."""

    async def started() -> tuple[Office, Air]:
        meter = FirmwareMeter(journal)
        office = Office(folder, meter.identity)
        air = Air(office, meter, fate)
        office.store.start()
        await air.run_until_complete(sessions_max)
        await office.store.close()
        return office, air

    return asyncio.run(started())


def lose_number(direction: str, number: int) -> Fate:
    return lambda one, count, _: 0 if (one, count) == (direction, number) else 1


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize("direction", ["up", "down"])
def test_any_one_frame_may_be_lost(tmp_path: Path, direction: str, number: int) -> None:
    office, _ = play(tmp_path, Journal(0, 400), lose_number(direction, number))
    assert office.held() == list(range(400))
    assert [one for one in office.gaps() if one[2] != "closed"] == []


@pytest.mark.parametrize("second", range(2, 10))
@pytest.mark.parametrize("first", [2, 3])
def test_any_two_frames_may_be_lost(tmp_path: Path, first: int, second: int) -> None:
    """Also the newest one, when only records that were asked for come after it."""
    office, _ = play(
        tmp_path,
        Journal(0, 400),
        lambda direction, number, _: int(direction == "down" or number not in (first, second)),
    )
    assert office.held() == list(range(400))


@pytest.mark.parametrize("lost_count", [1, 2, 3])
def test_a_request_may_be_lost(tmp_path: Path, lost_count: int) -> None:
    lost: list[FrameType] = []

    def fate(direction: str, number: int, frame_type: FrameType) -> int:
        if (direction, number) == ("up", 3):
            return 0
        if frame_type is FrameType.BACKFILL and len(lost) < lost_count:
            lost.append(frame_type)
            return 0
        return 1

    office, air = play(tmp_path, Journal(0, 600), fate)
    assert office.held() == list(range(600))
    assert len(lost) == lost_count
    assert air.types.count("HELLO") == 1


@pytest.mark.parametrize("lost_count", [1, 2, 5])
def test_what_was_asked_for_may_be_lost(tmp_path: Path, lost_count: int) -> None:
    lost: list[int] = []

    def fate(direction: str, number: int, frame_type: FrameType) -> int:
        if direction == "up" and (2 <= number <= 4 or (number > 20 and len(lost) < lost_count)):
            lost.append(number)
            return 0
        return 1

    office, _ = play(tmp_path, Journal(0, 600), fate, sessions_max=2)
    assert office.held() == list(range(600))


def test_an_outage_of_thirty_days_is_healed_in_one_session(tmp_path: Path) -> None:
    office, air = play(tmp_path, Journal(0, 2880))
    assert office.held() == list(range(2880))
    assert office.gaps() == []
    assert air.types.count("ACKNOWLEDGE") == air.carried["up"]


def test_a_deep_backlog_is_healed_in_one_session_with_the_newest_first(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = FirmwareMeter(Journal(0, 6000))
        office = Office(tmp_path, meter.identity)
        office.store.start()
        newest_held: list[bool] = []
        air = Air(office, meter)

        def look(_: int) -> bool:
            newest_held.append(5999 in office.held())
            return True

        air.before_answering = look
        await air.run_until_complete(1)
        assert newest_held.index(True) < 4
        assert office.held() == list(range(6000))
        assert office.gaps() == [(0, 5903, "closed")]
        await office.store.close()

    asyncio.run(scenario())


def test_a_hole_of_thirty_days_is_healed_while_new_records_come(tmp_path: Path) -> None:
    async def scenario() -> None:
        journal = Journal(0, 100)
        meter = FirmwareMeter(journal)
        office = Office(tmp_path, meter.identity)
        office.store.start()
        air = Air(office, meter)
        await air.run_until_complete(1)
        meter.session.backlog.cursor = (
            2980  # as if the gateway had answered for it and then forgotten
        )
        journal.sequence_next = 2990
        air.before_answering = lambda _: _grow(journal, 3000)
        await air.run_until_complete(2)
        assert office.held() == list(range(3000))
        assert office.gaps() == [(100, 2979, "closed")]
        await office.store.close()

    asyncio.run(scenario())


def _grow(journal: Journal, limit: int) -> bool:
    journal.sequence_next = min(journal.sequence_next + 1, limit)
    return True


def test_holes_in_the_middle_are_healed_in_the_next_session(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = FirmwareMeter(Journal(0, 1500))
        office = Office(tmp_path, meter.identity)
        office.store.start()
        air = Air(office, meter, lambda way, number, _: int(way == "up" and number % 3 != 0))
        await air.run_session()  # no answer ever arrives, and the meter gives up
        assert not meter.session.complete
        air.fate = lambda way, number, _: int(way == "down" or number % 7 != 0)
        await air.run_until_complete(4)
        assert office.held() == list(range(1500))
        assert {state for _, _, state in office.gaps()} <= {"closed"}
        await office.store.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("after", range(0, 14, 3))
def test_a_gateway_killed_in_between_goes_on(tmp_path: Path, after: int) -> None:
    """The answers of that moment are lost, with all that the gateway had in memory."""

    async def scenario() -> None:
        meter = FirmwareMeter(Journal(0, 900))
        office = Office(tmp_path, meter.identity)
        office.store.start()
        air = Air(office, meter, lose_number("up", 4))
        answered = []

        def answer(_: int) -> bool:
            answered.append(True)
            return len(answered) != after + 1 and len(answered) != after + 2

        air.before_answering = answer
        for _ in range(60):
            if len(answered) > after:
                break
            await air.run_session()
        await office.store.close()
        office.store = Store(office.database)
        office.store.start()
        office.start()
        await air.run_until_complete(4)
        assert office.held() == list(range(900))
        await office.store.close()

    asyncio.run(scenario())


def test_a_gateway_with_a_new_database_recovers_what_the_ring_has(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = FirmwareMeter(Journal(50, 400))
        first = Office(tmp_path, meter.identity)
        first.store.start()
        air = Air(first, meter)
        await air.run_until_complete(1)
        await first.store.close()
        (tmp_path / "fresh").mkdir()
        second = Office(tmp_path / "fresh", meter.identity)
        second.store.start()
        air.office = second
        meter.journal.sequence_next = 410
        await air.run_until_complete(3)
        assert second.held() == list(range(50, 410))
        await second.store.close()

    asyncio.run(scenario())


def test_what_the_ring_cannot_give_is_named_lost_within_a_hole(tmp_path: Path) -> None:
    unreadable = frozenset({*range(60, 70), 85})
    journal = Journal(0, 600, unreadable)
    office, _ = play(tmp_path, journal, lambda way, number, _: int((way, number) != ("up", 3)))
    held = set(office.held())
    lost = {
        one
        for first, last, state in office.gaps()
        if state == "lost"
        for one in range(first, last + 1)
    }
    assert lost == unreadable
    assert held == set(range(600)) - unreadable


@pytest.mark.parametrize("lost", [2, 3, 4])
def test_everything_wraps(tmp_path: Path, lost: int) -> None:
    office, _ = play(tmp_path, Journal(LAST - 200, 300), lose_number("up", lost))
    assert office.held() == list(range(LAST - 200, LAST + 301))


@pytest.mark.parametrize("seed", range(8))
def test_a_bad_link_costs_time_but_no_record(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)

    def fate(_direction: str, _number: int, _frame_type: FrameType) -> int:
        drawn = chance.random()
        return 0 if drawn < 0.3 else 2 if drawn < 0.4 else 1

    office, _ = play(tmp_path, Journal(0, 1000), fate, sessions_max=60)
    assert office.held() == list(range(1000))
    assert {state for _, _, state in office.gaps()} <= {"closed"}


def test_history_is_asked_for_again_and_given(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = FirmwareMeter(Journal(0, 500))
        office = Office(tmp_path, meter.identity)
        office.store.start()
        air = Air(office, meter)
        await air.run_until_complete(1)
        await office.store.commit(requests.make, (METER, EPOCH), (100, 399), (None, None), 1)
        meter.journal.sequence_next = 501
        carried_before = air.carried["up"]
        await air.run_until_complete(2)
        assert air.carried["up"] - carried_before > 2  # one with what is new, and then 300
        with closing(office.connect()) as connection:
            (row,) = connection.execute(
                "SELECT returned_count, lost_count, conflict_count, finished_at_ms IS NOT NULL "
                "FROM requests"
            ).fetchall()
        assert row == (300, 0, 0, 1)
        assert office.held() == list(range(501))
        await office.store.close()

    asyncio.run(scenario())
