"""Settings, readings at once, commands and events over a link in memory (WL-SET, WL-NOW, WL-CMD,
WL-EVT)."""

import random

import pytest

from crosscheck.memory_errands import (
    REFUSED_VALUE,
    REPORT_ITEMS_MAX,
    DeskGateway,
    MemoryErrands,
    MemoryFlash,
)
from crosscheck.memory_link import (
    EPOCH,
    METER_ID,
    MemoryJournal,
    MemoryMeter,
    drain,
    lossy,
    noisy,
)
from weir.link import tables_gen as t
from weir.link.errands import PATIENCE_MS
from weir.link.session import ACKNOWLEDGE_TIMEOUT_MS, WINDOW
from weir_protocol.frames import FrameType, peek_header
from weir_protocol.framing import Deframer, enframe
from weir_protocol.session import Uplink

MANY = {key: 100 + key for key in range(1, 61)}  # more than one frame takes


def at_rest(count: int = 20) -> tuple[MemoryMeter, MemoryErrands, DeskGateway]:
    """Return a meter whose gateway has all, and the two."""
    errands = MemoryErrands()
    meter, gateway = MemoryMeter(MemoryJournal(0, count), errands=errands), DeskGateway()
    drain(meter, gateway)
    return meter, errands, gateway


def begun(meter: MemoryMeter, gateway: DeskGateway) -> Uplink:
    """Begin a session with one new record, which is answered; return its uplink.

    The acknowledgement is not heard yet, so that the uplink is under way.
    """
    meter.journal.sequence_next += 1
    meter.session.begin()
    [stream] = meter.frames(0)
    gateway.answer(stream)
    return Uplink(FrameType.READINGS, METER_ID, EPOCH, gateway.counters[EPOCH], {})


def types_of(streams: list[bytes]) -> list[FrameType]:
    return [peek_header(Deframer().feed(stream)[0]).frame_type for stream in streams]


@pytest.mark.parametrize("seed", range(15))
@pytest.mark.parametrize("kind", ["lossy", "noisy"])
def test_a_change_of_many_frames_arrives_whole_or_not_at_all(kind: str, seed: int) -> None:
    up, down = (
        (lossy(seed, 0.3), lossy(seed + 1, 0.3)) if kind == "lossy" else (noisy(seed), noisy(seed))
    )
    meter, errands, gateway = at_rest()
    for version in (7, 8, 9):
        gateway.change(version, {key: value + version for key, value in MANY.items()})
        meter.journal.sequence_next += 1
        while gateway.concluded != version:
            drain(meter, gateway, up, down)
    wanted = [{key: value + version for key, value in MANY.items()} for version in (7, 8, 9)]
    assert errands.applied == list(zip((7, 8, 9), wanted, strict=True))
    assert [report for report in gateway.reports if report[0] == 9][-1] == (9, 0, wanted[-1])
    assert gateway.attested == 9


def test_a_change_that_takes_back_everything_is_applied() -> None:
    meter, errands, gateway = at_rest()
    for version, values in ((1, MANY), (2, {})):
        gateway.change(version, values)
        meter.journal.sequence_next += 1
        drain(meter, gateway)
    assert errands.applied == [(1, MANY), (2, {})]
    assert gateway.reports[-1] == (2, t.OUTCOME_APPLIED, {})


def test_a_change_is_refused_whole_with_a_reason_for_each_wrong_key() -> None:
    meter, errands, gateway = at_rest()
    gateway.change(5, {**MANY, 7: REFUSED_VALUE, 50: REFUSED_VALUE})
    meter.journal.sequence_next += 1
    drain(meter, gateway)
    assert errands.applied == []
    reasons = {7: t.REASON_OUT_OF_RANGE, 50: t.REASON_OUT_OF_RANGE}
    assert gateway.reports == [(5, t.OUTCOME_REFUSED, reasons)]
    assert gateway.attested == 0


@pytest.mark.parametrize("seed", range(30))
def test_an_older_version_never_comes_back_by_repeated_or_reordered_frames(seed: int) -> None:
    chance = random.Random(seed)
    meter, errands, gateway = at_rest()
    uplink = begun(meter, gateway)
    gateway.items_max = 25
    streams = []
    for version in (3, 4):
        gateway.change(version, {key: value + version for key, value in MANY.items()})
        streams += gateway.settings(uplink)
    older, newer = streams[: len(streams) // 2], streams[len(streams) // 2 :]
    shuffled = streams * 3
    chance.shuffle(shuffled)
    for stream in [*shuffled, *newer]:
        meter.session.receive(stream, 0, 0)
    before = errands.flash.version
    for stream in older:
        meter.session.receive(stream, 0, 0)
    assert errands.flash.version == before
    assert [version for version, _ in errands.applied] in ([], [3], [4], [3, 4])
    assert all(values == {k: v + n for k, v in MANY.items()} for n, values in errands.applied)


def test_a_change_recorded_in_one_session_is_worthless_in_the_next() -> None:
    meter, errands, gateway = at_rest()
    uplink = begun(meter, gateway)
    gateway.change(3, {1: 1})
    [recorded] = gateway.settings(uplink)
    meter.session.abort()
    begun(meter, gateway)
    refused = meter.session.refused_count
    meter.session.receive(recorded, 0, 0)
    assert (errands.applied, meter.session.refused_count) == ([], refused + 1)


def test_what_answers_no_uplink_under_way_nor_the_last_one_is_refused() -> None:
    meter, errands, gateway = at_rest()
    uplink = begun(meter, gateway)
    for counter in (0, uplink.counter - 1, uplink.counter + 1):
        stranger = Uplink(FrameType.READINGS, METER_ID, EPOCH, counter, {})
        meter.session.receive(gateway.read_now(stranger, 1), 0, 0)
    assert errands.reads == []
    meter.session.receive(gateway.read_now(uplink, 2), 0, 0)
    assert errands.reads == [2]


def test_the_version_in_force_is_reported_again_and_nothing_is_written() -> None:
    meter, errands, gateway = at_rest()
    for _ in range(2):
        gateway.change(3, {1: 60})
        gateway.concluded = 0
        meter.journal.sequence_next += 1
        drain(meter, gateway)
    assert errands.applied == [(3, {1: 60})]
    assert gateway.reports == [(3, 0, {1: 60})] * 2


def test_a_report_is_sent_until_it_is_acknowledged() -> None:
    meter, _, gateway = at_rest()
    uplink = begun(meter, gateway)
    gateway.change(3, {1: 60})
    meter.session.receive(gateway.settings(uplink)[0], 0, 0)
    assert types_of(meter.frames(0)) == [FrameType.SETTINGS_REPORT]
    meter.session.abort()
    meter.session.begin()
    first = meter.frames(0)
    assert types_of(first)[0] is FrameType.SETTINGS_REPORT
    again = meter.frames(ACKNOWLEDGE_TIMEOUT_MS)
    assert types_of(again)[0] is FrameType.SETTINGS_REPORT
    meter.session.receive(gateway.answer(again[0]), 0, 0)
    assert not any(one is FrameType.SETTINGS_REPORT for one in types_of(meter.frames(1)))
    assert gateway.reports == [(3, 0, {1: 60})]


def test_a_report_of_many_values_comes_in_several_frames() -> None:
    meter, errands, gateway = at_rest()
    errands.flash.values = dict(MANY)
    uplink = begun(meter, gateway)
    meter.session.receive(gateway.command(uplink, t.COMMAND_REPORT_SETTINGS), 0, 0)
    drain(meter, gateway)
    assert len(MANY) > REPORT_ITEMS_MAX
    assert gateway.reports == [(0, 0, MANY)]


def test_an_errand_goes_before_records_one_at_a_time_and_holds_none_of_them_up() -> None:
    meter, errands, _ = at_rest()
    meter.journal.sequence_next += 900
    errands.flash.event_count = 12
    meter.session.begin()
    types = types_of(meter.frames(0))
    assert types == [FrameType.EVENTS] + [FrameType.READINGS] * (WINDOW - 1)


@pytest.mark.parametrize("seed", range(20))
def test_events_arrive_in_order_and_none_is_lost_whatever_the_link_and_restarts(seed: int) -> None:
    chance = random.Random(seed)
    flash, journal = MemoryFlash(), MemoryJournal(0, 5)
    gateway, counter = DeskGateway(), 0
    for _ in range(6):
        flash.event_count += chance.randrange(1, 9)
        journal.sequence_next += chance.randrange(3)
        meter = MemoryMeter(journal, errands=MemoryErrands(flash))
        meter.counter = counter
        drain(meter, gateway, noisy(chance.randrange(1000)), noisy(chance.randrange(1000)))
        counter = meter.counter + 64
    assert gateway.events == list(range(flash.event_count))


def test_a_meter_that_restarted_sends_only_the_events_that_the_gateway_wants() -> None:
    flash = MemoryFlash(event_count=40)
    gateway = DeskGateway(events=list(range(37)))
    meter = MemoryMeter(MemoryJournal(0, 1), errands=MemoryErrands(flash))
    meter.session.begin()
    meter.session.receive(gateway.answer(meter.frames(0)[0]), 0, 0)
    streams = meter.frames(0)
    assert types_of(streams) == [FrameType.EVENTS, FrameType.READINGS]
    uplink = gateway.session.receive(Deframer().feed(streams[0])[0])
    assert [item["event_sequence"] for item in uplink.fields["items"]] == [37, 38, 39]


def test_an_answer_to_what_was_overtaken_delivers_nothing() -> None:
    meter, errands, gateway = at_rest()
    errands.flash.event_count = 12
    meter.session.begin()
    [older] = meter.frames(0)
    answer = gateway.answer(older)
    under_way = Uplink(FrameType.EVENTS, METER_ID, EPOCH, gateway.counters[EPOCH], {})
    meter.session.receive(gateway.command(under_way, t.COMMAND_EVENTS_FROM, 2), 0, 0)
    gateway.events = [0, 1]
    assert len(meter.frames(ACKNOWLEDGE_TIMEOUT_MS)) == 1
    meter.session.receive(answer, ACKNOWLEDGE_TIMEOUT_MS, 0)
    drain(meter, gateway)
    assert gateway.events == list(range(12))


def test_a_reading_is_measured_after_it_was_asked_for_and_waited_for() -> None:
    meter, errands, gateway = at_rest()
    errands.measures = False
    gateway.reads_wanted = [77]
    meter.journal.sequence_next += 1
    meter.session.begin()
    meter.session.receive(gateway.answer(meter.frames(0)[0]), 0, 0)
    assert meter.frames(100) == []
    assert meter.session.link_wake_at_ms == 100 + PATIENCE_MS
    errands.measure()
    [status] = meter.frames(200)
    meter.session.receive(gateway.answer(status), 300, 300)
    assert meter.frames(300) == []
    assert gateway.statuses == [(77, 1)]
    assert meter.session.complete
    assert not meter.session.active


def test_a_measurement_that_never_comes_does_not_keep_the_meter_on_air() -> None:
    meter, errands, gateway = at_rest()
    errands.measures = False
    uplink = begun(meter, gateway)
    gateway.reads_wanted = []
    meter.session.receive(gateway.read_now(uplink, 5), 0, 0)
    link_ms = 0
    while meter.session.active and link_ms < 10 * PATIENCE_MS:
        for stream in meter.frames(link_ms):
            meter.session.receive(gateway.answer(stream), link_ms, link_ms)
        link_ms = max(link_ms + 100, meter.session.link_wake_at_ms or 0)
    assert PATIENCE_MS < link_ms < PATIENCE_MS + 2 * ACKNOWLEDGE_TIMEOUT_MS
    assert not meter.session.complete


def test_a_request_that_was_lost_is_polled_for() -> None:
    meter, errands, gateway = at_rest()
    gateway.reads_wanted = [4]
    meter.journal.sequence_next += 1
    meter.session.begin()
    answer = gateway.answer(meter.frames(0)[0])
    acknowledgement = Deframer().feed(answer)[-1]
    meter.session.receive(enframe(acknowledgement), 0, 0)
    assert meter.frames(0) == []
    [poll] = meter.frames(ACKNOWLEDGE_TIMEOUT_MS)
    meter.session.receive(gateway.answer(poll), ACKNOWLEDGE_TIMEOUT_MS, 0)
    assert errands.reads == [4]


def test_an_unknown_command_is_no_harm() -> None:
    meter, errands, gateway = at_rest()
    uplink = begun(meter, gateway)
    meter.session.receive(gateway.command(uplink, 200, -1), 0, 0)
    assert meter.session.refused_count == 0
    assert not errands.pending
