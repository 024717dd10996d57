"""Frames on a byte stream: fed whole, byte by byte, batched, corrupted and oversized."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weir.link import framing as meter_framing
from weir_protocol.framing import FRAME_SIZE_MAX, Deframer, enframe

frames = st.binary(min_size=1, max_size=FRAME_SIZE_MAX)
deframers = pytest.mark.parametrize(
    "deframer_of",
    [Deframer, lambda: meter_framing.Deframer(FRAME_SIZE_MAX)],
    ids=["host", "meter"],
)


@given(frames)
def test_meter_and_host_stuff_a_frame_alike(frame: bytes) -> None:
    assert meter_framing.enframe(frame) == enframe(frame)
    assert enframe(frame).count(0) == 1


@pytest.mark.parametrize("size", [1, 253, 254, 255, 508, 509, FRAME_SIZE_MAX])
@pytest.mark.parametrize("byte", [0, 1, 255])
def test_runs_at_the_edges_of_a_cobs_block_survive(size: int, byte: int) -> None:
    frame = bytes([byte]) * size
    assert meter_framing.enframe(frame) == enframe(frame)
    assert Deframer().feed(enframe(frame)) == [frame]
    assert meter_framing.Deframer(FRAME_SIZE_MAX).feed(enframe(frame)) == [frame]


@deframers
@given(sent=st.lists(frames, max_size=5), cut=st.integers(1, 700))
@settings(max_examples=60, deadline=None)
def test_frames_come_out_whole_however_the_stream_is_cut(
    deframer_of: type[Deframer], sent: list[bytes], cut: int
) -> None:
    stream = b"".join(enframe(frame) for frame in sent)
    for size in (1, cut, len(stream) or 1):
        deframer = deframer_of()
        got = [
            frame
            for start in range(0, len(stream), size)
            for frame in deframer.feed(stream[start : start + size])
        ]
        assert got == sent
        assert deframer.malformed_count == 0


@deframers
@given(garbage=st.binary(max_size=2000), frame=frames)
@settings(max_examples=100, deadline=None)
def test_garbage_costs_at_most_the_frame_it_ran_into(
    deframer_of: type[Deframer], garbage: bytes, frame: bytes
) -> None:
    deframer = deframer_of()
    deframer.feed(garbage)
    deframer.feed(enframe(frame))
    assert deframer.feed(enframe(frame)) == [frame]


@deframers
def test_a_run_longer_than_a_frame_is_dropped_without_being_kept(
    deframer_of: type[Deframer],
) -> None:
    deframer = deframer_of()
    for _ in range(1000):
        assert deframer.feed(b"\xaa" * 1000) == []
    assert deframer.feed(b"\x00") == []
    assert deframer.malformed_count == 1
    assert deframer.feed(enframe(b"alive")) == [b"alive"]


@deframers
def test_bad_stuffing_is_counted_and_empty_frames_are_not(deframer_of: type[Deframer]) -> None:
    deframer = deframer_of()
    assert deframer.feed(b"\x00\x00\x05ab\x00\x00" + enframe(b"x")) == [b"x"]
    assert deframer.malformed_count == 1


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_meter_and_host_agree_on_any_bytes(garbage: bytes) -> None:
    host, meter = Deframer(), meter_framing.Deframer(FRAME_SIZE_MAX)
    assert host.feed(garbage) == meter.feed(garbage)
    assert host.malformed_count == meter.malformed_count
