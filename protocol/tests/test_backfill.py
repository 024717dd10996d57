"""Holes and back-fill between the two ends of a link, joined in memory (WL-FIL)."""

import pytest

from crosscheck.memory_link import (
    EPOCH,
    METER_ID,
    U32,
    Link,
    MemoryGateway,
    MemoryJournal,
    MemoryMeter,
    drain,
    lossy,
    noisy,
    perfect,
)
from weir.link.bounds import POLLS_MAX
from weir.link.session import ACKNOWLEDGE_TIMEOUT_MS, WINDOW
from weir_protocol.frames import FrameType
from weir_protocol.framing import Deframer
from weir_protocol.session import Uplink


def held(gateway: MemoryGateway) -> set[int]:
    return {sequence for _, sequence in gateway.held}


def uplinks(gateway: MemoryGateway, streams: list[bytes]) -> list[Uplink]:
    """Open frames as the gateway would, without an answer."""
    return [gateway.session.receive(frame) for frame in Deframer().feed(b"".join(streams))]


def sequences_of(uplink: Uplink) -> list[int]:
    return [record.sequence for record in uplink.records]


def connected(count: int) -> tuple[MemoryMeter, MemoryGateway]:
    """Return a meter in a session whose HELLO is answered, and its gateway."""
    meter, gateway = MemoryMeter(MemoryJournal(0, count)), MemoryGateway()
    meter.session.begin()
    meter.session.receive(gateway.answer(meter.frames(0)[0]), 0, 0)
    return meter, gateway


def drained(count: int) -> tuple[MemoryMeter, MemoryGateway]:
    meter, gateway = MemoryMeter(MemoryJournal(0, count)), MemoryGateway()
    drain(meter, gateway)
    return meter, gateway


def in_a_session_with_one_new_record(
    meter: MemoryMeter, gateway: MemoryGateway
) -> tuple[Uplink, bytes]:
    """Return the uplink of the record, and its acknowledgement that asks to keep listening."""
    meter.journal.sequence_next = (meter.journal.sequence_next + 1) & U32
    meter.session.begin()
    [stream] = meter.frames(0)
    answer = gateway.answer(stream)
    return Uplink(FrameType.READINGS, METER_ID, EPOCH, gateway.counters[EPOCH], {}), answer


@pytest.mark.parametrize("lost", range(WINDOW))
def test_any_one_frame_lost_of_a_window_is_asked_for_and_nothing_else_is_repeated(
    lost: int,
) -> None:
    meter, gateway = connected(900)
    window = meter.frames(0)
    assert len(window) == WINDOW
    for place, stream in enumerate(window):
        if place != lost:
            meter.session.receive(gateway.answer(stream), 0, 0)
    drain_rest(meter, gateway)
    assert held(gateway) == set(range(900))
    assert gateway.repeated == 0


def drain_rest(meter: MemoryMeter, gateway: MemoryGateway, up: Link = perfect) -> None:
    """Go on with the session under way to its end, at which everything is sent."""
    link_ms = 1
    while meter.session.active:
        for stream in meter.frames(link_ms):
            meter.session.receive(gateway.answer(up(stream)), link_ms, link_ms)
        link_ms = max(link_ms + 1, meter.session.link_wake_at_ms or 0)
    assert meter.session.complete


def test_history_that_is_held_already_can_be_asked_for_again() -> None:
    meter, gateway = drained(500)
    gateway.wanted = [*range(100, 140), *range(300, 310)]
    meter.journal.sequence_next += 1
    drain(meter, gateway)
    assert gateway.repeated == 50
    assert held(gateway) == set(range(501))
    assert gateway.wanted == []


def test_what_a_ring_has_overwritten_or_cannot_read_is_named_lost_when_asked_for() -> None:
    meter, gateway = drained(500)
    for sequence in range(50, 120):
        del gateway.held[EPOCH, sequence]
    gateway.missing = list(range(50, 120))
    meter.journal.unreadable = frozenset({70, 71, 72, 118})
    meter.journal.sequence_oldest = 60
    meter.journal.sequence_next += 1
    drain(meter, gateway)
    assert gateway.lost == {*range(50, 60), 70, 71, 72, 118}
    assert held(gateway) | gateway.lost == set(range(501))


def test_more_ranges_than_one_frame_takes_are_asked_for_in_turn() -> None:
    meter, gateway = drained(900)
    gateway.missing = list(range(3, 800, 9))
    for sequence in gateway.missing:
        del gateway.held[EPOCH, sequence]
    meter.journal.sequence_next += 1
    drain(meter, gateway)
    assert held(gateway) == set(range(901))
    assert gateway.repeated == 0


@pytest.mark.parametrize("seed", range(25))
def test_holes_heal_on_a_link_that_loses_a_third(seed: int) -> None:
    meter, gateway = drained(600)
    gateway.missing = [*range(10, 60), *range(200, 420), 599]
    for sequence in gateway.missing:
        del gateway.held[EPOCH, sequence]
    meter.journal.sequence_next += 5
    drain(meter, gateway, lossy(seed, 0.3), lossy(seed + 1, 0.3))
    assert held(gateway) == set(range(605))


@pytest.mark.parametrize("seed", range(25))
def test_holes_heal_on_a_noisy_link_across_the_wrap_of_sequences(seed: int) -> None:
    first = U32 - 5
    meter, gateway = MemoryMeter(MemoryJournal(first, 300)), MemoryGateway()
    drain(meter, gateway, noisy(seed), noisy(seed + 1))
    gateway.missing = [(first + step) & U32 for step in range(3, 40)]
    for sequence in gateway.missing:
        del gateway.held[EPOCH, sequence]
    meter.journal.sequence_next += 1
    drain(meter, gateway, noisy(seed + 2), noisy(seed + 3))
    assert held(gateway) == {(first + step) & U32 for step in range(301)}


def test_an_asked_frame_that_is_lost_is_sent_again_without_being_asked_for_again() -> None:
    meter, gateway = drained(3000)
    gateway.wanted = list(range(3000))
    _, answer = in_a_session_with_one_new_record(meter, gateway)
    meter.session.receive(answer, 0, 0)
    lost, arrived, *_ = meter.frames(0)
    [uplink] = uplinks(gateway, [lost])
    meter.session.receive(gateway.answer(arrived), 0, 0)
    again = uplinks(gateway, meter.frames(0))
    assert sequences_of(uplink) == sequences_of(again[0])


def test_new_records_go_before_those_asked_for() -> None:
    meter, gateway = drained(3000)
    gateway.wanted = list(range(3000))
    _, answer = in_a_session_with_one_new_record(meter, gateway)
    meter.session.receive(answer, 0, 0)
    first = meter.frames(0)
    assert len(first) == WINDOW
    meter.journal.sequence_next += 1
    meter.session.receive(gateway.answer(first[0]), 0, 0)
    [next_one] = uplinks(gateway, meter.frames(0))
    assert sequences_of(next_one) == [3001]


def test_a_later_request_replaces_the_one_before() -> None:
    meter, gateway = drained(900)
    uplink, _ = in_a_session_with_one_new_record(meter, gateway)
    meter.session.receive(gateway.request(uplink, [(0, 599)]), 0, 0)
    meter.session.receive(gateway.request(uplink, [(7, 8), (700, 702)]), 0, 0)
    sent = uplinks(gateway, meter.frames(0))
    assert [sequences_of(one) for one in sent] == [[7, 8], [700, 701, 702]]


def test_nothing_of_a_replaced_request_is_sent_again() -> None:
    meter, gateway = drained(900)
    uplink, _ = in_a_session_with_one_new_record(meter, gateway)
    meter.session.receive(gateway.request(uplink, [(0, 99)]), 0, 0)
    assert len(meter.frames(0)) == 1
    meter.session.receive(gateway.request(uplink, [(200, 202)]), 0, 0)
    meter.frames(0)
    sent = uplinks(gateway, meter.frames(ACKNOWLEDGE_TIMEOUT_MS))
    assert not any(0 <= sequence <= 99 for one in sent for sequence in sequences_of(one))


def test_what_was_never_recorded_is_left_out_of_a_request() -> None:
    meter, gateway = drained(20)
    uplink, _ = in_a_session_with_one_new_record(meter, gateway)
    meter.session.receive(gateway.request(uplink, [(500, 600), (19, 40), (5, 4)]), 0, 0)
    sent = uplinks(gateway, meter.frames(0))
    assert [sequences_of(one) for one in sent] == [[19, 20]]


def test_a_repeated_old_or_foreign_request_is_refused() -> None:
    meter, gateway = drained(900)
    uplink, _ = in_a_session_with_one_new_record(meter, gateway)
    request = gateway.request(uplink, [(0, 3)])
    for counter in (0, uplink.counter - 1, uplink.counter + 1):
        stranger = Uplink(FrameType.READINGS, METER_ID, EPOCH, counter, {})
        meter.session.receive(gateway.request(stranger, [(0, 3)]), 0, 0)
    assert meter.session.refused_count == 3
    meter.session.receive(request, 0, 0)
    assert meter.session.refused_count == 3
    assert len(meter.frames(0)) == 1
    meter.session.receive(request, 0, 0)
    assert meter.session.refused_count == 4
    assert meter.frames(0) == []


def test_a_request_of_an_earlier_session_is_refused() -> None:
    meter, gateway = drained(900)
    uplink, _ = in_a_session_with_one_new_record(meter, gateway)
    request = gateway.request(uplink, [(0, 3)])
    meter.session.abort()
    meter.session.begin()
    meter.session.receive(request, 0, 0)
    assert meter.session.refused_count == 1


def test_a_meter_whose_request_was_lost_polls_and_gets_it() -> None:
    meter, gateway = drained(900)
    gateway.wanted = list(range(40))
    _, answer = in_a_session_with_one_new_record(meter, gateway)
    request, acknowledgement, _ = answer.split(b"\0")
    assert request
    meter.session.receive(acknowledgement + b"\0", 0, 0)
    assert meter.frames(0) == []
    assert meter.session.link_wake_at_ms == ACKNOWLEDGE_TIMEOUT_MS
    [poll] = meter.frames(ACKNOWLEDGE_TIMEOUT_MS)
    meter.session.receive(gateway.answer(poll), ACKNOWLEDGE_TIMEOUT_MS, ACKNOWLEDGE_TIMEOUT_MS)
    drain_rest(meter, gateway)
    assert gateway.wanted == []


def test_a_meter_stops_polling_and_polls_first_in_its_next_session() -> None:
    meter, gateway = drained(900)
    gateway.wanted = [3]
    _, answer = in_a_session_with_one_new_record(meter, gateway)

    def without_request(stream: bytes) -> bytes:
        return stream.split(b"\0")[-2] + b"\0"

    meter.session.receive(without_request(answer), 0, 0)
    link_ms = polls = 0
    while meter.session.active:
        for stream in meter.frames(link_ms):
            polls += 1
            meter.session.receive(without_request(gateway.answer(stream)), link_ms, link_ms)
        link_ms += ACKNOWLEDGE_TIMEOUT_MS
    assert polls == POLLS_MAX
    assert not meter.session.complete
    meter.session.begin()
    [poll] = uplinks(gateway, meter.frames(link_ms))
    assert (poll.frame_type, poll.records) == (FrameType.READINGS, ())


def test_a_power_cut_of_the_meter_forgets_the_request_but_the_gateway_does_not() -> None:
    meter, gateway = drained(900)
    gateway.wanted = list(range(600))
    _, answer = in_a_session_with_one_new_record(meter, gateway)
    meter.session.receive(answer, 0, 0)
    gateway.answer(meter.frames(0)[0])
    booted = MemoryMeter(meter.journal)
    booted.counter = meter.counter + 64
    drain(booted, gateway)
    assert gateway.wanted == []


def test_a_month_without_a_gateway_is_healed_within_one_session() -> None:
    meter, gateway = connected(2880)
    drain_rest(meter, gateway)
    assert held(gateway) == set(range(2880))


def test_a_month_without_a_gateway_is_healed_within_one_session_on_a_line_that_loses() -> None:
    meter, gateway = connected(2880)
    drain_rest(meter, gateway, lossy(5, 0.1))
    assert held(gateway) == set(range(2880))
