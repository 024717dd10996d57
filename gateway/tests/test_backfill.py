"""Back-fill on the wire: holes are asked for as ranges until each is closed or named lost."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from peers.office import Office, keep_open
from weir_gateway.asking import PATIENCE_S
from weir_protocol.framing import Deframer

KEEP_LISTENING = 1
LAST = 2**32 - 1

Scenario = Callable[[Office], Coroutine[Any, Any, None]]


def run(folder: Path, scenario: Scenario) -> Office:
    return keep_open(lambda: Office(folder), scenario)


def test_a_hole_is_asked_for_before_the_same_uplink_is_acknowledged(tmp_path: Path) -> None:
    async def scenario(office: Office) -> None:
        await office.tell(office.meter.hello())
        await office.tell(office.meter.span(0, 9))
        (frame,) = Deframer().feed(office.meter.span(15, 19))
        answer = office.custodian.submit(frame, "test")
        assert answer is not None
        stream = await answer
        assert stream is not None
        downlinks = [office.meter.open_downlink(one) for one in Deframer().feed(stream)]
        assert [frame_type.name for frame_type, _ in downlinks] == ["BACKFILL", "ACKNOWLEDGE"]
        backfill, acknowledge = [fields for _, fields in downlinks]
        assert backfill["answers"] == acknowledge["answers"] == office.meter.counter
        assert backfill["items"] == [{"first_sequence": 10, "last_sequence": 14}]
        assert (acknowledge["resume_at"], acknowledge["flags"]) == (20, KEEP_LISTENING)
        assert backfill["counter"] != acknowledge["counter"]

    run(tmp_path, scenario)


def test_the_meter_listens_until_the_last_hole_is_closed(tmp_path: Path) -> None:
    async def scenario(office: Office) -> None:
        await office.tell(office.meter.hello())
        await office.tell(office.meter.span(4, 9))
        assert office.meter.asked == [(0, 3)]
        answer = await office.tell(office.meter.span(0, 2))
        assert (answer["flags"], answer["resume_at"]) == (KEEP_LISTENING, 10)
        assert office.meter.asked == []
        answer = await office.tell(office.meter.span(3, 3))
        assert (answer["flags"], answer["resume_at"]) == (0, 10)

    office = run(tmp_path, scenario)
    assert office.gaps() == [(0, 3, "closed")]
    assert office.held() == list(range(10))


def test_what_the_meter_names_lost_within_an_asked_range_is_asked_for_no_more(
    tmp_path: Path,
) -> None:
    async def scenario(office: Office) -> None:
        await office.tell(office.meter.hello())
        await office.tell(office.meter.span(10, 19))
        answer = await office.tell(office.meter.lost((0, 6)))
        assert answer["flags"] == KEEP_LISTENING
        answer = await office.tell(office.meter.span(7, 9))
        assert answer["flags"] == 0

    office = run(tmp_path, scenario)
    assert office.gaps() == [(0, 6, "lost"), (7, 9, "closed")]


def test_a_poll_and_a_hello_are_answered_with_all_that_is_still_missing(tmp_path: Path) -> None:
    async def scenario(office: Office) -> None:
        await office.tell(office.meter.hello())
        await office.tell(office.meter.span(5, 9))
        await office.tell(office.meter.span(12, 19))
        assert office.meter.asked == []  # the first hole is still under way
        for say in (office.meter.poll, office.meter.hello, office.meter.poll):
            answer = await office.tell(say())
            assert office.meter.asked == [(0, 4), (10, 11)]
            assert (answer["flags"], answer["resume_at"]) == (KEEP_LISTENING, 20)
        await office.tell(office.meter.span(0, 4))
        await office.tell(office.meter.span(10, 11))
        answer = await office.tell(office.meter.poll())
        assert (office.meter.asked, answer["flags"]) == ([], 0)

    run(tmp_path, scenario)


def test_a_request_that_was_lost_is_made_again_after_a_while(tmp_path: Path) -> None:
    async def scenario(office: Office) -> None:
        await office.tell(office.meter.hello())
        await office.tell(office.meter.span(5, 9))
        office.monotonic_s += PATIENCE_S - 1
        await office.tell(office.meter.span(10, 10))
        assert office.meter.asked == []
        office.monotonic_s += 1
        await office.tell(office.meter.span(11, 11))
        assert office.meter.asked == [(0, 4)]

    run(tmp_path, scenario)


@pytest.mark.parametrize("when", ["asked", "half answered"])
def test_a_gateway_that_was_restarted_asks_at_the_next_uplink(tmp_path: Path, when: str) -> None:
    async def scenario(office: Office) -> None:
        await office.tell(office.meter.hello())
        await office.tell(office.meter.span(8, 9))
        if when == "half answered":
            await office.tell(office.meter.span(0, 3))
        office.start()
        await office.tell(office.meter.span(10, 10))
        assert office.meter.asked == ([(0, 7)] if when == "asked" else [(4, 7)])

    run(tmp_path, scenario)


def test_many_holes_are_asked_for_a_frame_at_a_time(tmp_path: Path) -> None:
    async def scenario(office: Office) -> None:
        await office.tell(office.meter.hello())
        for sequence in range(1, 121, 2):
            await office.tell(office.meter.span(sequence, sequence))
        await office.tell(office.meter.poll())
        rounds = 0
        while asked := office.meter.asked:
            assert len(asked) <= 24
            rounds += 1
            for first, last in asked:
                await office.tell(office.meter.span(first, last))
        assert rounds == 3

    office = run(tmp_path, scenario)
    assert office.held() == list(range(120))


def test_sequences_wrap_within_the_holes_that_are_asked_for(tmp_path: Path) -> None:
    async def scenario(office: Office) -> None:
        start = {"sequence_oldest": LAST - 5, "boot_sequence": LAST - 5}
        await office.tell(office.meter.hello(**start, sequence_next=10))
        await office.tell(office.meter.span(LAST - 5, LAST - 4))
        answer = await office.tell(office.meter.span(LAST + 5, LAST + 10))
        assert office.meter.asked == [(LAST - 3, 3)]
        assert answer["resume_at"] == 10
        await office.tell(office.meter.span(LAST - 3, LAST))
        await office.tell(office.meter.lost((0, 0)))
        await office.tell(office.meter.poll())
        assert office.meter.asked == [(1, 3)]
        answer = await office.tell(office.meter.span(LAST + 2, LAST + 4))
        assert (answer["flags"], answer["resume_at"]) == (0, 10)

    office = run(tmp_path, scenario)
    assert office.held() == [one for one in range(LAST - 5, LAST + 11) if one != LAST + 1]
    assert office.gaps() == [
        (LAST - 3, LAST, "closed"),
        (LAST + 1, LAST + 1, "lost"),
        (LAST + 2, LAST + 4, "closed"),
    ]


def test_a_long_backlog_is_asked_for_after_the_newest(tmp_path: Path) -> None:
    async def scenario(office: Office) -> None:
        answer = await office.tell(office.meter.hello(sequence_next=5000))
        assert (answer["resume_at"], answer["flags"]) == (4904, KEEP_LISTENING)
        assert office.meter.asked == [(0, 4903)]
        for first in range(4904, 5000, 48):
            answer = await office.tell(office.meter.span(first, first + 47))
        assert answer["resume_at"] == 5000
        for first in range(0, 4904, 152):
            answer = await office.tell(office.meter.span(first, min(first + 151, 4903)))
        assert answer["flags"] == 0

    office = run(tmp_path, scenario)
    assert office.held() == list(range(5000))


def test_a_new_epoch_asks_for_nothing_of_the_old_ring(tmp_path: Path) -> None:
    async def scenario(office: Office) -> None:
        await office.tell(office.meter.hello())
        await office.tell(office.meter.span(5, 9))
        office.meter.epoch = 7
        answer = await office.tell(office.meter.hello())
        assert (office.meter.asked, answer["flags"], answer["resume_at"]) == ([], 0, 0)

    assert run(tmp_path, scenario).gaps() == [(0, 4, "lost")]
