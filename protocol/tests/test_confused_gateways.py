"""A session ends whatever its gateway answers (WL-SES-07)."""

from collections.abc import Callable

import pytest

from crosscheck.memory_errands import DeskGateway, MemoryErrands
from crosscheck.memory_link import NOW_MS, U32, MemoryGateway, MemoryJournal, MemoryMeter, drain
from weir.link import tables_gen as t
from weir.link.backlog import SKIP_MAX
from weir.link.bounds import FRAMES_SPARE, HELLOS_MAX
from weir_protocol.frames import AcknowledgeFlag, FrameType
from weir_protocol.session import Uplink

RECORDS = 1000


class Confused(DeskGateway):
    """Answers the n-th uplink of a session with what ``answer_to`` makes of it."""

    def begin(self, answer_to: Callable[["Confused", Uplink, int], bytes]) -> None:
        self._answer_to = answer_to
        self.uplinks: list[Uplink] = []

    def confuse(self, stream: bytes) -> bytes:
        [frame] = self.deframer.feed(stream)
        uplink = self.session.receive(frame)
        self.uplinks.append(uplink)
        return self._answer_to(self, uplink, len(self.uplinks))

    def change_again(self, uplink: Uplink) -> bytes:
        self.change(self.version + 1, {1: self.version})
        return b"".join(self.settings(uplink))

    def acknowledge(self, uplink: Uplink, resume_at: int, flags: int = 0) -> bytes:
        return self.session.acknowledge(
            uplink,
            now_ms=NOW_MS,
            resume_at=resume_at & U32,
            downlink_counter=self._next_counter(),
            flags=flags,
        )


def in_a_session(answer_to: "Answer", window_ms: int = 0) -> tuple[MemoryMeter, Confused]:
    """Run one session of a meter that had sent everything but its newest five records."""
    errands = MemoryErrands()
    meter, gateway = MemoryMeter(MemoryJournal(0, RECORDS), errands=errands), Confused()
    drain(meter, gateway)
    meter.session.window_ms = window_ms
    errands.flash.event_count = 3
    gateway.begin(answer_to)
    meter.journal.sequence_next += 5
    meter.session.begin()
    link_ms = 0
    while meter.session.active and len(gateway.uplinks) <= 2 * RECORDS:
        for stream in meter.frames(link_ms):
            meter.session.receive(gateway.confuse(stream), link_ms, link_ms)
        link_ms = max(link_ms + 1, meter.session.link_wake_at_ms or 0)
    assert not meter.session.active
    return meter, gateway


Answer = Callable[[Confused, Uplink, int], bytes]

ABOUT_RECORDS: dict[str, Answer] = {
    "keeps it listening": lambda to, uplink, _: to.acknowledge(
        uplink, RECORDS + 5, AcknowledgeFlag.KEEP_LISTENING
    ),
    "always wants the first": lambda to, uplink, _: to.acknowledge(uplink, 0),
    "never moves on": lambda to, uplink, _: to.acknowledge(uplink, RECORDS),
    "cannot decide": lambda to, uplink, n: to.acknowledge(uplink, n % 2),
    "goes back by one each time": lambda to, uplink, n: to.acknowledge(uplink, RECORDS - n),
    "claims more each time": lambda to, uplink, n: to.acknowledge(uplink, RECORDS + 5 + n),
    "asks and never acknowledges": lambda to, uplink, _: to.request(uplink, [(0, RECORDS)]),
    "asks for the same again and again": lambda to, uplink, _: (
        to.request(uplink, [(0, 0)]) + to.acknowledge(uplink, RECORDS + 5)
    ),
    "asks for everything again and again": lambda to, uplink, _: (
        to.request(uplink, [(0, RECORDS)])
        + to.acknowledge(uplink, RECORDS + 5, AcknowledgeFlag.KEEP_LISTENING)
    ),
}
ABOUT_ERRANDS: dict[str, Answer] = {
    "wants a reading each time": lambda to, uplink, n: (
        to.read_now(uplink, n) + to.acknowledge(uplink, RECORDS + 5)
    ),
    "wants readings and never acknowledges": lambda to, uplink, n: to.read_now(uplink, n),
    "changes the settings each time": lambda to, uplink, _: (
        to.change_again(uplink) + to.acknowledge(uplink, RECORDS + 5)
    ),
    "wants the same events each time": lambda to, uplink, _: (
        to.command(uplink, t.COMMAND_EVENTS_FROM, 0) + to.acknowledge(uplink, RECORDS + 5)
    ),
    "commands anything": lambda to, uplink, n: (
        to.acknowledge(uplink, RECORDS + 5) + to.command(uplink, n % 256, n - 50)
    ),
}


@pytest.mark.parametrize("confusion", [*ABOUT_RECORDS, *ABOUT_ERRANDS])
def test_a_session_is_bounded(confusion: str) -> None:
    _, gateway = in_a_session({**ABOUT_RECORDS, **ABOUT_ERRANDS}[confusion])
    assert len(gateway.uplinks) <= FRAMES_SPARE + (RECORDS + 5) // 8 + 1


@pytest.mark.parametrize("confusion", ["keeps it listening", *ABOUT_ERRANDS])
def test_a_session_of_a_meter_that_listens_is_bounded_as_well(confusion: str) -> None:
    answer_to = {**ABOUT_RECORDS, **ABOUT_ERRANDS}[confusion]
    _, gateway = in_a_session(answer_to, window_ms=60_000)
    assert len(gateway.uplinks) <= FRAMES_SPARE + (RECORDS + 5) // 8 + 1


def test_hello_is_not_said_for_ever() -> None:
    _, gateway = in_a_session(
        lambda to, uplink, _: to.acknowledge(uplink, RECORDS + 5, AcknowledgeFlag.HELLO_WANTED)
    )
    types = [uplink.frame_type for uplink in gateway.uplinks]
    assert types == [FrameType.EVENTS, FrameType.READINGS] + [FrameType.HELLO] * HELLOS_MAX


def test_a_gateway_that_claims_to_hold_a_million_records_more_is_not_believed() -> None:
    def claim(to: Confused, uplink: Uplink, n: int) -> bytes:
        flags = AcknowledgeFlag.HELLO_WANTED if n == 1 else 0
        return to.acknowledge(uplink, RECORDS + 5 + SKIP_MAX + 1, flags)

    meter, _ = in_a_session(claim)
    assert meter.journal.sequence_next == RECORDS + 5


def test_what_a_bounded_session_left_goes_out_in_the_next() -> None:
    meter, _ = in_a_session(lambda to, uplink, n: to.acknowledge(uplink, n % 2))
    gateway = MemoryGateway()
    drain(meter, gateway)
    assert {sequence for _, sequence in gateway.held} == set(range(RECORDS + 5))
