"""A meter with nothing left to send ends its session, listens, or holds its link (WL-WIN)."""

import random

import pytest

from crosscheck.memory_errands import DeskGateway, MemoryErrands
from crosscheck.memory_link import MemoryJournal, MemoryMeter, drain
from weir.link.bounds import FRAMES_SPARE, HELD_ROUND_MS, POLLS_MAX
from weir_protocol.frames import FrameType, peek_header
from weir_protocol.framing import Deframer, enframe
from weir_protocol.session import Uplink

WINDOW_MS = 60_000


class Line:
    """A meter in a session with a gateway that answers at once, and a clock."""

    def __init__(self, *, window_ms: int = 0, hold: bool = False) -> None:
        self.errands = MemoryErrands()
        self.meter = MemoryMeter(MemoryJournal(0, 20), errands=self.errands)
        self.gateway = DeskGateway()
        drain(self.meter, self.gateway)
        self.session = self.meter.session
        self.session.window_ms, self.session.hold = window_ms, hold
        self.link_ms = 0

    def record(self) -> None:
        self.meter.journal.sequence_next += 1

    def call(self) -> None:
        """Begin a session with one new record, and let all be answered."""
        self.record()
        self.session.begin()
        self.talk()

    def talk(self) -> list[FrameType]:
        """Let all that is to be sent be answered; return what it was."""
        types = []
        while streams := self.meter.frames(self.link_ms):
            for stream in streams:
                types.append(peek_header(Deframer().feed(stream)[0]).frame_type)
                self.session.receive(self.gateway.answer(stream), self.link_ms, self.link_ms)
        return types

    def at(self, link_ms: int) -> list[FrameType]:
        self.link_ms = link_ms
        return self.talk()

    def hear(self, stream: bytes) -> None:
        self.session.receive(stream, self.link_ms, self.link_ms)

    @property
    def last_uplink(self) -> Uplink:
        gateway = self.gateway.session
        assert gateway.epoch is not None
        counter = self.gateway.counters[gateway.epoch]
        return Uplink(FrameType.READINGS, gateway.meter_id, gateway.epoch, counter, {})


def test_without_a_window_a_session_ends_with_its_last_answer() -> None:
    line = Line()
    line.call()
    assert not line.session.active


def test_a_meter_listens_for_its_window_after_the_last_frame_it_heard() -> None:
    line = Line(window_ms=WINDOW_MS)
    line.call()
    assert line.session.listening
    assert line.session.link_wake_at_ms == WINDOW_MS
    line.at(WINDOW_MS - 1)
    assert line.session.listening
    line.at(WINDOW_MS)
    assert (line.session.active, line.session.listening) == (False, False)


def test_a_listening_meter_follows_what_answers_the_uplink_acknowledged_last() -> None:
    line = Line(window_ms=WINDOW_MS)
    line.call()
    line.link_ms = 40_000
    line.hear(line.gateway.read_now(line.last_uplink, 9))
    assert line.talk() == [FrameType.STATUS]
    assert line.gateway.statuses == [(9, 1)]
    assert line.session.link_wake_at_ms == 40_000 + WINDOW_MS
    line.at(40_000 + WINDOW_MS)
    assert not line.session.active


def test_a_listening_meter_refuses_what_answers_an_older_uplink() -> None:
    line = Line(window_ms=WINDOW_MS)
    line.call()
    older = line.last_uplink
    line.record()
    line.at(1)
    line.hear(line.gateway.read_now(older, 9))
    assert line.errands.reads == []


@pytest.mark.parametrize("kind", ["noise", "repeats"])
def test_rubbish_keeps_no_meter_listening(kind: str) -> None:
    chance = random.Random(5)
    line = Line(window_ms=WINDOW_MS)
    line.call()
    line.link_ms = 1000
    read = line.gateway.read_now(line.last_uplink, 9)
    line.hear(read)
    line.talk()
    for link_ms in range(2000, 1000 + WINDOW_MS, 1000):
        line.hear(read if kind == "repeats" else enframe(chance.randbytes(50)))
        assert line.at(link_ms) == []
        assert line.session.listening
    line.at(1000 + WINDOW_MS)
    assert not line.session.active
    assert line.errands.reads == [9]


def test_what_comes_up_while_a_meter_listens_goes_out_in_the_same_session() -> None:
    line = Line(hold=True)
    line.call()
    line.record()
    assert line.at(900_000) == [FrameType.READINGS]
    line.errands.flash.event_count = 3
    assert line.at(900_500) == [FrameType.EVENTS]
    assert line.gateway.events == [0, 1, 2]
    assert line.session.listening


def test_a_change_of_settings_reaches_a_listening_meter_at_once() -> None:
    line = Line(hold=True)
    line.call()
    line.gateway.change(6, {3: 3600})
    for stream in line.gateway.settings(line.last_uplink):
        line.hear(stream)
    assert line.talk() == [FrameType.SETTINGS_REPORT]
    assert line.gateway.reports == [(6, 0, {3: 3600})]


def test_a_held_link_is_listened_to_until_it_breaks() -> None:
    line = Line(hold=True)
    line.call()
    assert line.session.link_wake_at_ms is None
    line.at(30 * 86_400_000)
    assert line.session.listening
    line.session.abort()
    assert (line.session.active, line.session.listening) == (False, False)


@pytest.mark.parametrize(("window_ms", "hold"), [(WINDOW_MS, False), (0, True)])
def test_a_meter_that_listens_with_nothing_to_send_says_so_with_a_poll(
    window_ms: int, hold: bool
) -> None:
    line = Line(window_ms=window_ms, hold=hold)
    line.session.begin()
    assert line.talk() == [FrameType.READINGS]
    assert line.session.listening
    line.hear(line.gateway.read_now(line.last_uplink, 9))
    assert line.talk() == [FrameType.STATUS]


def test_a_meter_whose_listening_is_not_answered_gives_up() -> None:
    line = Line(hold=True)
    line.session.begin()
    frames = 0
    while line.session.active:
        frames += len(line.meter.frames(line.link_ms))
        line.link_ms = line.session.link_wake_at_ms or line.link_ms
    assert frames == 4
    assert not line.session.said_hello


def test_a_window_that_is_asked_without_end_ends_with_the_frames_of_its_round() -> None:
    line = Line(window_ms=WINDOW_MS)
    line.call()
    sent = ask_until_the_end(line, 1000)
    assert sent <= FRAMES_SPARE + 21 // 8


def ask_until_the_end(line: Line, each_ms: int) -> int:
    """Ask for a reading each time the meter listens; return how many frames that made it send."""
    sent = 0
    while line.session.active and sent < 1000:
        line.link_ms += each_ms
        line.hear(line.gateway.read_now(line.last_uplink, sent))
        sent += len(line.talk())
    return sent


def test_a_new_round_has_bounds_of_its_own() -> None:
    line = Line(window_ms=WINDOW_MS)
    line.call()
    for _ in range(FRAMES_SPARE // 2):
        line.hear(line.gateway.read_now(line.last_uplink, 1))
        line.talk()
    line.session.resume()
    assert ask_until_the_end(line, 1000) > FRAMES_SPARE - 5


def test_only_a_listening_session_begins_a_new_round() -> None:
    line = Line(window_ms=WINDOW_MS)
    line.record()
    line.session.begin()
    for _ in range(FRAMES_SPARE + 100):
        line.session.resume()
        for stream in line.meter.frames(line.link_ms):
            line.hear(line.gateway.answer(stream))
            line.hear(line.gateway.read_now(line.last_uplink, 1))
    assert not line.session.active


def test_a_held_link_answers_a_patient_gateway_for_ever_and_an_impatient_one_to_a_bound() -> None:
    patient, impatient = Line(hold=True), Line(hold=True)
    patient.call()
    impatient.call()
    assert ask_until_the_end(patient, HELD_ROUND_MS // FRAMES_SPARE + 1) == 1000
    assert ask_until_the_end(impatient, 1) <= FRAMES_SPARE + 21 // 8


def test_a_meter_that_wants_the_time_again_polls_for_it_when_all_else_is_said() -> None:
    line = Line()
    line.record()
    line.session.begin()
    line.session.time_wanted = True
    assert line.talk() == [FrameType.READINGS, FrameType.READINGS]
    assert line.session.clock_offer_ms is not None
    assert (line.session.active, line.session.time_wanted) == (False, False)


def test_a_poll_for_the_time_that_is_not_answered_is_not_repeated() -> None:
    line = Line()
    line.call()
    line.session.begin()
    line.session.time_wanted = True
    assert len(line.meter.frames(0)) == 1
    assert line.meter.frames(line.session.timeout_ms) == []
    assert not line.session.active
    assert line.session.said_hello


def test_a_meter_that_never_has_enough_of_the_time_ends_its_session_all_the_same() -> None:
    line = Line()
    line.record()
    line.session.begin()
    polls = -1
    while line.session.active:
        line.session.time_wanted = True
        for stream in line.meter.frames(0):
            polls += 1
            line.hear(line.gateway.answer(stream))
    assert polls == POLLS_MAX
