"""Interval records packed into batches: whatever goes in comes out, and both sides agree."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen.vector_cases import record
from crosscheck.meter_vectors import meter_record
from weir.link.packing import BatchPacker
from weir_protocol.batch import ALL_COLUMNS, RECORDS_MAX, Batch, Columns
from weir_protocol.errors import CallerError, PeerError
from weir_protocol.packing import pack, unpack
from weir_protocol.records import IntervalRecord, Status, TimeQuality

U32 = 0xFFFF_FFFF
u32 = st.integers(0, U32)
small = st.integers(0, 300)


@st.composite
def pressures(draw: st.DrawFn) -> tuple[int, int, int]:
    low, mean, high = sorted(draw(st.tuples(*[st.integers(-32_767, 32_767)] * 3)))
    return mean, low, high


@st.composite
def runs(draw: st.DrawFn, size_max: int = 12) -> list[IntervalRecord]:
    """Records of consecutive sequences: ordinary steps mixed with any value at all."""
    size = draw(st.integers(1, size_max))
    sequence, time_s = draw(u32), draw(u32)
    forward, reverse = draw(u32), draw(u32)
    out = []
    for index in range(size):
        forward = (forward + draw(small | u32)) & U32
        reverse = (reverse + draw(st.just(0) | u32)) & U32
        time_s = draw(st.just(min(time_s + 900, U32)) | u32)
        status = draw(st.just(0) | st.integers(0, 0xFFFF))
        mean, low, high = draw(st.just((412, 405, 418)) | pressures())
        faulty = bool(status & Status.PRESSURE_FAULT)
        out.append(
            IntervalRecord(
                (sequence + index) & U32,
                time_s,
                forward,
                reverse,
                None if faulty else mean,
                None if faulty else low,
                None if faulty else high,
                draw(small | st.integers(0, 0xFFFF)),
                status,
                TimeQuality(draw(st.integers(0, 7))),
            )
        )
    return out


def row(taken: IntervalRecord) -> list[Any]:
    names = IntervalRecord.__slots__
    return meter_record([getattr(taken, name) for name in names])


def pack_on_meter(batch: Batch, size_max: int = 4000) -> bytes:
    packer = BatchPacker(size_max)
    reference = None if batch.reference is None else row(batch.reference)
    first = batch.records[0].sequence
    packer.begin(first, batch.interval_s, batch.samples, int(batch.columns), reference)
    for taken in batch.records:
        assert packer.append(row(taken))
    return packer.finish()


@given(runs(), st.booleans(), st.integers(1, U32), st.integers(1, 64))
@settings(max_examples=150, deadline=None)
def test_any_batch_reads_back_as_it_was_and_the_meter_packs_the_same_bytes(
    run: list[IntervalRecord], continues: bool, interval_s: int, samples: int
) -> None:
    reference = run.pop(0) if continues and len(run) > 1 else None
    batch = Batch(tuple(run), interval_s, samples, ALL_COLUMNS, reference)
    packed = pack(batch)
    assert unpack(packed, lambda _: reference) == batch
    assert pack_on_meter(batch) == packed


@given(runs(6), st.sampled_from([0, 1, 2, 3, 8, 9, 10, 11, 14, 15]))
@settings(max_examples=150, deadline=None)
def test_columns_that_are_left_out_read_back_as_nothing(
    run: list[IntervalRecord], bits: int
) -> None:
    columns = Columns(bits)
    unpacked = unpack(pack(Batch(tuple(run), 900, 15, columns)))
    for taken, read in zip(run, unpacked.records, strict=True):
        wanted = taken
        if not columns & Columns.REVERSE:
            wanted = replace(wanted, reverse_pulses=0)
        if not columns & Columns.PRESSURE_RANGE:
            wanted = replace(wanted, pressure_min_kpa=None, pressure_max_kpa=None)
        if not columns & Columns.PRESSURE:
            wanted = replace(wanted, pressure_mean_kpa=None)
        if not columns & Columns.PEAK_FLOW:
            wanted = replace(wanted, peak_flow_pulses=0)
        assert read == wanted


@given(runs(40), st.integers(80, 400))
@settings(max_examples=40, deadline=None)
def test_a_record_that_does_not_fit_leaves_the_batch_as_it_was(
    run: list[IntervalRecord], size_max: int
) -> None:
    packer = BatchPacker(size_max)
    packer.begin(run[0].sequence, 900, 15, int(ALL_COLUMNS), None)
    fitting = 0
    while fitting < len(run) and packer.append(row(run[fitting])):
        fitting += 1
    packed = packer.finish()
    assert len(packed) <= size_max
    assert packed == pack(Batch(tuple(run[:fitting]), 900, 15))


def any_reference(sequence: int) -> IntervalRecord:
    return replace(record(35_040), sequence=sequence)


@given(st.binary(max_size=80))
@settings(max_examples=500, deadline=None)
def test_bytes_of_any_kind_are_a_batch_or_are_refused_by_rule(garbage: bytes) -> None:
    try:
        batch = unpack(garbage, any_reference)
    except PeerError as error:
        assert error.rule.startswith("WL-")
    else:
        assert unpack(pack(batch), any_reference) == batch


def test_a_batch_of_one_to_256_records_reads_back() -> None:
    for size in (1, 2, 255, RECORDS_MAX):
        batch = Batch(tuple(record(index) for index in range(size)), 900, 15)
        assert unpack(pack(batch)) == batch


def test_the_meter_stops_at_256_records() -> None:
    packer = BatchPacker(4000)
    packer.begin(0, 900, 15, int(ALL_COLUMNS), None)
    assert [packer.append(row(record(index))) for index in range(257)] == [True] * 256 + [False]
    assert len(unpack(packer.finish()).records) == 256


def test_bytes_after_the_end_are_refused() -> None:
    packed = pack(Batch((record(1),), 900, 15))
    for tail in (b"\x01", b"\x80" * 3):
        with pytest.raises(PeerError, match="WL-RNG-05"):
            unpack(packed + tail)
    with pytest.raises(PeerError, match="WL-RNG-05"):
        unpack(packed + b"\x00")


def test_a_batch_that_continues_a_record_not_held_is_refused() -> None:
    packed = pack(Batch((record(8),), 900, 15, reference=record(7)))
    with pytest.raises(PeerError, match="WL-BAT-05: continues record 7"):
        unpack(packed)


@pytest.mark.parametrize(
    ("batch", "sentence"),
    [
        (Batch(tuple(record(i) for i in range(257)), 900), "at most 256"),
        (Batch((record(1), record(3)), 900), "sequence 3 breaks the run from 1"),
        (Batch((record(1),), 0), "interval_s is 0"),
        (Batch((record(1),), 900, 65), "samples is 65"),
        (Batch((record(1),), 900, 15, Columns.PRESSURE_RANGE), "PRESSURE_RANGE needs PRESSURE"),
        (Batch((record(9),), 900, reference=record(7)), "not the record before"),
    ],
)
def test_a_batch_that_cannot_be_packed_is_named(batch: Batch, sentence: str) -> None:
    with pytest.raises(CallerError, match=sentence):
        pack(batch)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"sequence": -1}, "sequence is -1"),
        ({"forward_pulses": U32 + 1}, "forward_pulses is 4294967296"),
        ({"peak_flow_pulses": 65_536}, "peak_flow_pulses is 65536"),
        ({"pressure_min_kpa": 413}, "out of order or out of range: min 413"),
        ({"pressure_max_kpa": None}, "none, the mean alone, or mean, min and max"),
        ({"status": 1}, "PRESSURE_FAULT is set but a pressure is given"),
        ({"pressure_mean_kpa": -32_768, "pressure_min_kpa": -32_768}, "out of range"),
    ],
)
def test_a_record_that_cannot_be_is_named(changes: dict[str, int], sentence: str) -> None:
    with pytest.raises(CallerError, match=sentence):
        record(**{"sequence": 1, **changes})


def test_the_error_bound_of_a_clock_is_that_of_the_specification() -> None:
    bounds = [quality.error_s for quality in TimeQuality]
    assert bounds == [None, 0.5, 2.0, 8.0, 32.0, 128.0, 512.0, None]
