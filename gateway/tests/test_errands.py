"""Errands: what waits for a meter is told in its next session, before the acknowledgement."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from peers.office import METER, Office, keep_open
from weir_gateway import telling
from weir_gateway.store import errands
from weir_gateway.store.errand import Errand
from weir_gateway.store.promise import Promise
from weir_gateway.telling import PATIENCE_S, Telling
from weir_protocol.frames import AcknowledgeFlag, FrameType

LISTEN = int(AcknowledgeFlag.KEEP_LISTENING)


def read_now(request: int, **changes: Any) -> Errand:
    return Errand(FrameType.READ_NOW, {"request": request}, ("read", request), **changes)


class Drawer:
    """A producer whose errands are in the test's hands."""

    def __init__(self) -> None:
        self.due: list[Errand] = []
        self.at_hello: list[Errand] = []
        self.asked_count = 0

    def __call__(self, _connection: object, _origin: object, promise: Promise) -> Iterable[Errand]:
        self.asked_count += 1
        return [*self.due, *(self.at_hello if promise.is_hello else [])]


@pytest.fixture
def drawer(monkeypatch: pytest.MonkeyPatch) -> Drawer:
    made = Drawer()
    monkeypatch.setattr(errands, "PRODUCERS", (made,))
    return made


async def put(office: Office, drawer: Drawer, *due: Errand) -> None:
    drawer.due = [*due]
    await office.store.commit(errands.wake, METER)


def test_what_waits_is_told_at_the_next_uplink_until_it_is_done(
    tmp_path: Path, drawer: Drawer
) -> None:
    async def scenario(office: Office) -> None:
        meter = office.meter
        await office.tell(meter.hello())
        await put(office, drawer, read_now(7))
        answer = await office.tell(meter.span(0, 1))
        assert answer["flags"] & LISTEN
        ((frame_type, fields),) = meter.told
        assert (frame_type, fields["request"]) == (FrameType.READ_NOW, 7)
        assert fields["answers"] == answer["answers"]
        drawer.due = []
        assert not (await office.tell(meter.span(2, 3)))["flags"] & LISTEN

    keep_open(lambda: Office(tmp_path), scenario)


def test_an_idle_uplink_asks_no_producer(tmp_path: Path, drawer: Drawer) -> None:
    async def scenario(office: Office) -> None:
        await office.tell(office.meter.hello())
        drawer.asked_count = 0
        await office.tell(office.meter.span(0, 1))
        assert drawer.asked_count == 0

    keep_open(lambda: Office(tmp_path), scenario)


def test_errands_go_before_the_backfill_before_the_acknowledgement(
    tmp_path: Path, drawer: Drawer
) -> None:
    async def scenario(office: Office) -> None:
        meter = office.meter
        await office.tell(meter.hello())
        await put(office, drawer, read_now(1), read_now(2))
        (frame,) = office.frames(meter.span(5, 6))
        answer = office.custodian.submit(frame, "test")
        assert answer is not None
        written = await answer
        assert written is not None
        opened = [meter.open_downlink(one) for one in office.frames(written)]
        assert [frame_type.name for frame_type, _ in opened] == [
            *("READ_NOW", "READ_NOW", "BACKFILL", "ACKNOWLEDGE")
        ]
        counters = [fields["counter"] for _, fields in opened[:3]]
        assert counters == sorted(set(counters))  # a meter takes no counter below the last

    keep_open(lambda: Office(tmp_path), scenario)


def test_no_two_downlinks_share_a_counter(tmp_path: Path, drawer: Drawer) -> None:
    async def scenario(office: Office) -> None:
        meter = office.meter
        await office.tell(meter.hello())
        await put(office, drawer, read_now(1), read_now(2))
        counters = []
        for first in (0, 2, 9, 11, 20):
            meter.told, meter.requests = [], []
            counters.append((await office.tell(meter.span(first, first + 1)))["counter"])
            counters += [fields["counter"] for _, fields in meter.told]
            office.monotonic_s += PATIENCE_S
        assert len(counters) == len(set(counters)) == 15  # the meter itself checks BACKFILL

    keep_open(lambda: Office(tmp_path), scenario)


def test_what_is_for_a_hello_goes_with_its_answer_alone(tmp_path: Path, drawer: Drawer) -> None:
    async def scenario(office: Office) -> None:
        meter = office.meter
        drawer.at_hello = [read_now(3, stands=False, keeps_listening=False)]
        assert not (await office.tell(meter.hello()))["flags"] & LISTEN
        assert len(meter.told) == 1
        drawer.asked_count = 0
        await office.tell(meter.span(0, 1))
        assert (len(meter.told), drawer.asked_count) == (1, 0)

    keep_open(lambda: Office(tmp_path), scenario)


def test_what_waits_outlives_a_restart_of_the_gateway(tmp_path: Path, drawer: Drawer) -> None:
    async def scenario(office: Office) -> None:
        await office.tell(office.meter.hello())
        await put(office, drawer, read_now(7))
        await office.tell(office.meter.span(0, 1))
        office.start()
        await office.tell(office.meter.span(2, 3))
        assert len(office.meter.told) == 2

    keep_open(lambda: Office(tmp_path), scenario)


class Clerk:
    """A Telling with a clock in the test's hands."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.telling = Telling(lambda: self.now_s)

    def tell(self, *due: Errand, anew: bool = False, meter: int = METER) -> list[Any]:
        told = self.telling.decide(meter, due, anew=anew)
        return [errand.fields["request"] for errand in due if errand.name in told]


def test_an_errand_is_told_once_and_again_only_when_it_cannot_be_under_way() -> None:
    clerk = Clerk()
    assert clerk.tell(read_now(1)) == [1]
    assert clerk.tell(read_now(1)) == []
    assert clerk.tell(read_now(1), anew=True) == [1]
    clerk.now_s += PATIENCE_S - 1
    assert clerk.tell(read_now(1)) == []
    clerk.now_s += 1
    assert clerk.tell(read_now(1)) == [1]


def test_a_new_errand_does_not_wait_for_one_that_was_told() -> None:
    clerk = Clerk()
    clerk.tell(read_now(1))
    clerk.now_s += 5
    assert clerk.tell(read_now(1), read_now(2)) == [2]
    clerk.now_s += PATIENCE_S - 5
    assert clerk.tell(read_now(1), read_now(2)) == [1]


def test_an_errand_that_was_done_and_comes_back_is_told_anew() -> None:
    clerk = Clerk()
    clerk.tell(read_now(1))
    clerk.tell()
    assert clerk.tell(read_now(1)) == [1]


def test_what_the_longest_quiet_meter_was_told_is_forgotten_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(telling, "METERS_MAX", 2)
    clerk = Clerk()
    for meter in (1, 2, 1, 3):
        clerk.tell(read_now(1), meter=meter)
    assert clerk.tell(read_now(1), meter=1) == []
    assert clerk.tell(read_now(1), meter=2) == [1]
