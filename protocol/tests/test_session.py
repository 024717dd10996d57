"""The two ends of a link, joined in memory: the host refuses what it must, the meter repeats what
was lost, and everything arrives or is named lost."""

import pytest

from crosscheck.memory_link import (
    EPOCH,
    METER_ID,
    NOW_MS,
    U32,
    MemoryGateway,
    MemoryJournal,
    MemoryMeter,
    drain,
    lossy,
    noisy,
)
from weir.link.bounds import ATTEMPTS_MAX
from weir.link.session import ACKNOWLEDGE_TIMEOUT_MS
from weir_protocol.errors import CallerError, PeerError
from weir_protocol.frames import AcknowledgeFlag, FrameType, peek_header
from weir_protocol.framing import Deframer, enframe
from weir_protocol.session import HostSession


def sequences(gateway: MemoryGateway, epoch: int = EPOCH) -> set[int]:
    return {sequence for held_epoch, sequence in gateway.held if held_epoch == epoch}


def test_a_backlog_arrives_whole_and_once_on_a_perfect_link() -> None:
    meter, gateway = MemoryMeter(MemoryJournal(5, 2880)), MemoryGateway()
    drain(meter, gateway)
    assert sequences(gateway) == set(range(5, 2885))
    assert (gateway.repeated, gateway.refused, meter.session.refused_count) == (0, [], 0)


@pytest.mark.parametrize("seed", range(25))
def test_a_backlog_arrives_whole_when_frames_and_answers_are_lost(seed: int) -> None:
    meter, gateway = MemoryMeter(MemoryJournal(5, 900)), MemoryGateway()
    drain(meter, gateway, lossy(seed, 0.3), lossy(seed + 1, 0.3))
    assert sequences(gateway) == set(range(5, 905))


@pytest.mark.parametrize("seed", range(25))
def test_a_backlog_arrives_whole_on_a_noisy_link(seed: int) -> None:
    meter, gateway = MemoryMeter(MemoryJournal(5, 900)), MemoryGateway()
    drain(meter, gateway, noisy(seed), noisy(seed + 1))
    assert sequences(gateway) == set(range(5, 905))


def test_records_that_the_ring_cannot_give_are_named_lost() -> None:
    unreadable = frozenset({5, 6, 40, 99, 104})
    meter, gateway = MemoryMeter(MemoryJournal(5, 100, unreadable)), MemoryGateway()
    drain(meter, gateway, lossy(3, 0.2), lossy(4, 0.2))
    assert gateway.lost == set(unreadable)
    assert sequences(gateway) == set(range(5, 105)) - unreadable


def test_records_overwritten_while_the_gateway_was_away_are_named_lost() -> None:
    meter, gateway = MemoryMeter(MemoryJournal(0, 50)), MemoryGateway()
    drain(meter, gateway)
    meter.journal.sequence_oldest, meter.journal.sequence_next = 70, 120
    drain(meter, gateway)
    assert gateway.lost == set(range(50, 70))
    assert sequences(gateway) == set(range(50)) | set(range(70, 120))


def test_sequences_go_on_over_their_wrap() -> None:
    meter, gateway = MemoryMeter(MemoryJournal(U32 - 4, 300)), MemoryGateway()
    drain(meter, gateway, lossy(1, 0.2))
    assert sequences(gateway) == {(U32 - 4 + index) & U32 for index in range(300)}


def test_a_gateway_that_lost_its_database_recovers_what_the_ring_has() -> None:
    meter = MemoryMeter(MemoryJournal(0, 200))
    drain(meter, MemoryGateway())
    meter.journal.sequence_next += 10
    fresh = MemoryGateway()
    drain(meter, fresh)
    assert sequences(fresh) == set(range(210))
    assert fresh.refused[0] == "WL-EPO-02"


def test_a_restarted_gateway_goes_on_and_refuses_what_it_accepted_before() -> None:
    meter, gateway = MemoryMeter(MemoryJournal(0, 20)), MemoryGateway()
    recorded: list[bytes] = []

    def listen(stream: bytes) -> bytes:
        recorded.append(stream)
        return stream

    drain(meter, gateway, listen)
    gateway.restart()
    for stream in recorded:
        assert gateway.answer(stream) == b""
    assert set(gateway.refused) == {"WL-SEA-05"}
    meter.journal.sequence_next += 1
    drain(meter, gateway)
    assert sequences(gateway) == set(range(21))


def test_a_single_new_reading_leans_on_the_acknowledged_one_and_takes_at_most_30_bytes() -> None:
    meter, gateway = MemoryMeter(MemoryJournal(170_000, 20)), MemoryGateway()
    meter.counter = 170_000
    drain(meter, gateway)
    meter.journal.sequence_next += 1
    meter.session.begin()
    [stream] = meter.frames(0)
    assert len(stream) <= 30
    assert gateway.answer(stream)
    assert gateway.refused == []


def test_a_second_attempt_stands_alone() -> None:
    meter, gateway = MemoryMeter(MemoryJournal(0, 20)), MemoryGateway()
    drain(meter, gateway)
    gateway.held.clear()
    meter.journal.sequence_next += 1
    meter.session.begin()
    [leaning] = meter.frames(0)
    assert gateway.answer(leaning) == b""
    assert gateway.refused == ["WL-BAT-05"]
    [alone] = meter.frames(ACKNOWLEDGE_TIMEOUT_MS)
    assert gateway.answer(alone)


def test_every_attempt_has_a_counter_of_its_own() -> None:
    meter = MemoryMeter(MemoryJournal(0, 20))
    meter.session.begin()
    counters = []
    for attempt in range(ATTEMPTS_MAX):
        [stream] = meter.frames(attempt * ACKNOWLEDGE_TIMEOUT_MS)
        counters.append(peek_header(Deframer().feed(stream)[0]).counter)
    assert len(set(counters)) == ATTEMPTS_MAX


def test_a_session_without_any_answer_is_given_up_and_keeps_everything() -> None:
    meter = MemoryMeter(MemoryJournal(0, 20))
    meter.session.begin()
    sent = [meter.frames(attempt * ACKNOWLEDGE_TIMEOUT_MS) for attempt in range(ATTEMPTS_MAX + 1)]
    assert [len(frames) for frames in sent] == [1] * ATTEMPTS_MAX + [0]
    assert not meter.session.active
    assert (meter.session.backlog.cursor, meter.session.said_hello) == (0, False)


def test_the_answer_to_an_earlier_attempt_is_a_promise_as_well() -> None:
    meter, gateway = MemoryMeter(MemoryJournal(0, 20)), MemoryGateway()
    drain(meter, gateway)
    meter.journal.sequence_next += 1
    meter.session.begin()
    [first] = meter.frames(0)
    late = gateway.answer(first)
    assert len(meter.frames(ACKNOWLEDGE_TIMEOUT_MS)) == 1
    meter.session.receive(late, ACKNOWLEDGE_TIMEOUT_MS + 1, ACKNOWLEDGE_TIMEOUT_MS + 1)
    assert meter.session.backlog.cursor == meter.journal.sequence_next


def test_an_answer_is_taken_once_and_never_in_a_later_session() -> None:
    meter, gateway = MemoryMeter(MemoryJournal(0, 3)), MemoryGateway()
    meter.session.begin()
    [hello] = meter.frames(0)
    answer = gateway.answer(hello)
    meter.session.receive(answer, 0, 0)
    assert meter.session.clock_offer_ms == NOW_MS
    meter.session.clock_offer_ms = None
    meter.session.receive(answer, 0, 0)
    meter.session.abort()
    meter.session.begin()
    meter.session.receive(answer, 0, 0)
    assert meter.session.clock_offer_ms is None
    assert meter.session.refused_count == 2


def test_an_answer_that_comes_after_its_session_is_ignored() -> None:
    meter, gateway = MemoryMeter(MemoryJournal(0, 3)), MemoryGateway()
    meter.session.begin()
    late = gateway.answer(meter.frames(0)[0])
    meter.session.abort()
    meter.session.begin()
    meter.session.receive(late, 0, 0)
    assert (meter.session.said_hello, meter.session.refused_count) == (False, 1)


def told_to_resume_at(resume_at: int) -> MemoryMeter:
    """Return a meter of three records whose HELLO was answered so."""
    meter, gateway = MemoryMeter(MemoryJournal(0, 3)), MemoryGateway()
    meter.session.begin()
    [hello] = Deframer().feed(meter.frames(0)[0])
    uplink = gateway.session.receive(hello)
    answer = gateway.session.acknowledge(
        uplink, now_ms=NOW_MS, resume_at=resume_at, downlink_counter=1
    )
    meter.session.receive(answer, 0, 0)
    return meter


def test_a_meter_that_lost_its_newest_records_goes_on_numbering_after_them() -> None:
    meter = told_to_resume_at(9)
    assert meter.session.backlog.cursor == meter.journal.sequence_next == 9


def test_only_the_answer_to_hello_moves_the_numbering() -> None:
    meter, gateway = told_to_resume_at(0), MemoryGateway()
    gateway.counters[EPOCH] = 0
    gateway.restart()
    [readings] = Deframer().feed(meter.frames(0)[0])
    uplink = gateway.session.receive(readings)
    answer = gateway.session.acknowledge(uplink, now_ms=NOW_MS, resume_at=9, downlink_counter=2)
    meter.session.receive(answer, 0, 0)
    assert meter.session.backlog.cursor == meter.journal.sequence_next == 3


def test_the_answer_to_hello_sets_a_meter_back_to_what_the_gateway_holds() -> None:
    meter = MemoryMeter(MemoryJournal(0, 200))
    drain(meter, MemoryGateway())
    assert meter.session.backlog.cursor == 200
    meter.session.said_hello = False
    fresh = MemoryGateway()
    meter.session.begin()
    meter.session.receive(fresh.answer(meter.frames(0)[0]), 0, 0)
    assert meter.session.backlog.cursor == 0
    [first, *_] = Deframer().feed(meter.frames(0)[0])
    assert fresh.session.receive(first).records[0].sequence == 0


def test_a_meter_goes_back_to_where_a_gateway_that_knows_less_wants_it() -> None:
    meter, gateway = told_to_resume_at(0), MemoryGateway()
    gateway.counters[EPOCH] = 0
    gateway.restart()
    [readings] = Deframer().feed(meter.frames(0)[0])
    uplink = gateway.session.receive(readings)
    gateway.held[EPOCH, 0] = uplink.records[0]
    answer = gateway.session.acknowledge(uplink, now_ms=NOW_MS, resume_at=1, downlink_counter=2)
    meter.session.receive(answer, 0, 0)
    [again] = Deframer().feed(meter.frames(0)[0])
    assert [one.sequence for one in gateway.session.receive(again).records] == [1, 2]


def test_answers_that_overtake_one_another_repeat_nothing() -> None:
    meter, gateway = told_to_resume_at(0), MemoryGateway()
    meter.journal.sequence_next = 600
    gateway.counters[EPOCH], gateway.resume_at = 0, 0
    gateway.restart()
    answers = [gateway.answer(stream) for stream in meter.frames(0)]
    for answer in reversed(answers):
        meter.session.receive(answer, 0, 0)
    drain(meter, gateway)
    assert sequences(gateway) == set(range(600))
    assert gateway.repeated == 0


def test_a_meter_that_nobody_answers_says_hello_again_within_the_session() -> None:
    meter, gateway = MemoryMeter(MemoryJournal(0, 20)), MemoryGateway()
    drain(meter, gateway)
    meter.journal.sequence_next += 1
    meter.session.begin()
    types = [
        peek_header(Deframer().feed(stream)[0]).frame_type
        for attempt in range(ATTEMPTS_MAX + 1)
        for stream in meter.frames(attempt * ACKNOWLEDGE_TIMEOUT_MS)
    ]
    assert types == [FrameType.READINGS] * 2 + [FrameType.HELLO] * 2


def test_an_answer_of_another_epoch_or_meter_is_ignored() -> None:
    meter, gateway = MemoryMeter(MemoryJournal(0, 3)), MemoryGateway()
    other = MemoryMeter(MemoryJournal(0, 3), epoch=EPOCH + 1)
    meter.session.begin()
    other.session.begin()
    [hello] = meter.frames(0)
    other.frames(0)
    other.session.receive(gateway.answer(hello), 0, 0)
    assert (other.session.said_hello, other.session.refused_count) == (False, 1)
    other.session.receive(hello + enframe(b"\x30" + bytes(30)) + b"\x05zz\x00", 0, 0)
    assert (other.session.said_hello, other.session.refused_count) == (False, 3)


def test_a_meter_that_hears_hello_wanted_says_hello_next() -> None:
    meter, gateway = MemoryMeter(MemoryJournal(0, 20)), MemoryGateway()
    drain(meter, gateway)
    meter.journal.sequence_next += 2
    meter.session.begin()
    [stream] = meter.frames(0)
    uplink = gateway.session.receive(Deframer().feed(stream)[0])
    answer = gateway.session.acknowledge(
        uplink,
        now_ms=NOW_MS,
        resume_at=20,
        downlink_counter=500,
        flags=AcknowledgeFlag.HELLO_WANTED,
    )
    meter.session.receive(answer, 1, 1)
    [hello] = meter.frames(1)
    assert peek_header(Deframer().feed(hello)[0]).frame_type is FrameType.HELLO


def test_an_old_hello_cannot_bring_an_old_epoch_back() -> None:
    gateway = MemoryGateway()
    old = MemoryMeter(MemoryJournal(0, 1))
    old.session.begin()
    [old_hello] = old.frames(0)
    assert gateway.answer(old_hello)
    new = MemoryMeter(MemoryJournal(0, 1), epoch=EPOCH + 1)
    new.session.begin()
    assert gateway.answer(new.frames(0)[0])
    assert gateway.answer(old_hello) == b""
    assert gateway.refused == ["WL-SEA-05"]
    assert gateway.session.epoch == EPOCH + 1


def test_the_host_refuses_what_is_not_an_uplink_of_this_meter() -> None:
    session = MemoryGateway().session
    with pytest.raises(PeerError, match="WL-EPO-02"):
        session.receive(bytes.fromhex("22819698000a") + bytes(20))
    with pytest.raises(PeerError, match="WL-HDR-02"):
        session.receive(bytes.fromhex("30819698000a") + bytes(20))
    with pytest.raises(CallerError, match="frame of meter 10000002"):
        session.receive(bytes.fromhex("22829698000a") + bytes(20))
    with pytest.raises(CallerError, match="HELLO is not a downlink"):
        session.downlink(FrameType.HELLO, EPOCH, 1, {})
    with pytest.raises(CallerError, match="outside 32 bits"):
        session.downlink(FrameType.READ_NOW, EPOCH, U32 + 1, {"answers": 1, "request": 1})


def test_a_frame_sealed_with_another_key_is_refused() -> None:
    meter = MemoryMeter(MemoryJournal(0, 1))
    meter.session.begin()
    [hello] = Deframer().feed(meter.frames(0)[0])
    stranger = HostSession(
        METER_ID, bytes(16), epoch=None, counters={}, reference=lambda _epoch, _sequence: None
    )
    with pytest.raises(PeerError, match="WL-SEA-04"):
        stranger.receive(hello)
    assert stranger.epoch is None
