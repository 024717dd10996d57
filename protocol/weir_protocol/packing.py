"""Interval records packed column by column into the body of a READINGS frame (WL-BAT).

A batch is a run of records with consecutive sequences. It stands alone, with an explicit origin,
or it continues the record before its first, which the gateway has acknowledged and so holds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntFlag
from typing import TYPE_CHECKING, Any

from construct import Adapter, GreedyBytes

from weir_protocol.errors import CallerError, PeerError
from weir_protocol.model import (
    MORE_CONTEXT,
    SAME_QUALITY_CONTEXT,
    SAME_STATUS_CONTEXT,
    Column,
    Model,
    level,
)
from weir_protocol.rangecoder import Coder, Decoder, Encoder
from weir_protocol.records import REGISTER_MODULUS, IntervalRecord, Status, TimeQuality

RECORDS_MAX = 256
"""Most records in one batch (WL-BAT-06)."""

SAMPLES_MAX = 64

ORIGIN_QUALITY = TimeQuality.S2
"""Time quality that the first record of a batch that stands alone is compared with."""

ReferenceLookup = Callable[[int], IntervalRecord | None]
"""Return the record of this sequence if it is held."""


class Columns(IntFlag):
    """The columns that a batch carries beside time, status and forward register (WL-BAT-02)."""

    REVERSE = 1
    PRESSURE = 2
    PRESSURE_RANGE = 4
    PEAK_FLOW = 8


ALL_COLUMNS = Columns.REVERSE | Columns.PRESSURE | Columns.PRESSURE_RANGE | Columns.PEAK_FLOW


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of consecutive sequences and how they are to be packed.

    interval_s: the store interval, 1 to 2**32 - 1; times near it cost next to nothing.
    samples: sample intervals in one store interval, 1 to 64 (64 stands for more).
    reference: the acknowledged record before the first, or None for a batch that stands alone.
    A register or peak that is left out reads back as 0, a pressure as None.
    """

    records: tuple[IntervalRecord, ...]
    interval_s: int
    samples: int = 1
    columns: Columns = ALL_COLUMNS
    reference: IntervalRecord | None = None


@dataclass(frozen=True, slots=True)
class _Shape:
    """How the records of a batch are laid out."""

    columns: Columns
    samples: int
    interval_s: int

    @classmethod
    def of(cls, batch: Batch) -> "_Shape":
        return cls(batch.columns, batch.samples, batch.interval_s)


USUAL_SHAPE = _Shape(ALL_COLUMNS, 15, 900)
"""The shape that costs one bit: that of the default settings (WL-BAT-02)."""


@dataclass(slots=True)
class _Step:
    """One record as differences from the one before."""

    time_residual_s: int = 0
    forward: int = 0
    reverse: int = 0
    mean_change: int = 0
    drop: int = 0
    rise: int = 0
    peak: int = 0
    status: int = 0
    quality: int = 0


@dataclass(slots=True)
class _Origin:
    """The values that the next record is a difference from."""

    taken_at_s: int = 0
    forward: int = 0
    reverse: int = 0
    mean: int = 0
    status: int = 0
    quality: int = 0

    @classmethod
    def of(cls, record: IntervalRecord, mean_before: int) -> "_Origin":
        mean = mean_before if record.pressure_mean_kpa is None else record.pressure_mean_kpa
        return cls(
            record.taken_at_s,
            record.forward_pulses,
            record.reverse_pulses,
            mean,
            record.status,
            record.time_quality,
        )


def pack(batch: Batch) -> bytes:
    """Return the packed form of a batch. Raise CallerError when it cannot be packed."""
    _check(batch)
    encoder = Encoder()
    _, shape, _ = _code_shape(encoder, batch)
    origin = _code_origin(encoder, batch.columns, batch)
    walk = _Walk(encoder, shape, first_is_origin=batch.reference is None)
    for index, record in enumerate(batch.records):
        walk.code(origin, _difference(shape, origin, record))
        origin = _Origin.of(record, origin.mean)
        walk.model.flag(MORE_CONTEXT, int(index + 1 < len(batch.records)))
    return encoder.finish()


def unpack(packed: bytes, lookup: ReferenceLookup = lambda sequence: None) -> Batch:
    """Return the batch. Raise PeerError when it is malformed or its reference is not held."""
    decoder = Decoder(packed)
    continues, shape, first_sequence = _code_shape(decoder, None)
    reference = _find_reference(first_sequence, lookup) if continues else None
    if reference is not None:
        origin = _Origin.of(reference, 0)
    else:
        origin = _code_origin(decoder, shape.columns, None)
    walk = _Walk(decoder, shape, first_is_origin=reference is None)
    records: list[IntervalRecord] = []
    more = 1
    while more:
        if len(records) == RECORDS_MAX:
            raise PeerError("WL-BAT-06", f"more than {RECORDS_MAX} records in a batch")
        step = walk.code(origin, None)
        sequence = (first_sequence + len(records)) % REGISTER_MODULUS
        record = _restore(shape, sequence, origin, step)
        origin = _Origin.of(record, origin.mean)
        records.append(record)
        more = walk.model.flag(MORE_CONTEXT, 0)
    decoder.finish()
    return Batch(tuple(records), shape.interval_s, shape.samples, shape.columns, reference)


def _check(batch: Batch) -> None:
    if not 1 <= len(batch.records) <= RECORDS_MAX:
        raise CallerError(f"a batch has 1 to {RECORDS_MAX} records, not {len(batch.records)}")
    if not 1 <= batch.interval_s < REGISTER_MODULUS:
        raise CallerError(f"interval_s is {batch.interval_s}, outside 1 to 2**32 - 1")
    if not 1 <= batch.samples <= SAMPLES_MAX:
        raise CallerError(f"samples is {batch.samples}, outside 1 to {SAMPLES_MAX}")
    if Columns.PRESSURE_RANGE & batch.columns and not Columns.PRESSURE & batch.columns:
        raise CallerError("PRESSURE_RANGE needs PRESSURE")
    first = batch.records[0].sequence
    if batch.reference is not None and (batch.reference.sequence + 1) % REGISTER_MODULUS != first:
        raise CallerError("the reference is not the record before the first")
    for index, record in enumerate(batch.records):
        if record.sequence != (first + index) % REGISTER_MODULUS:
            raise CallerError(f"sequence {record.sequence} breaks the run from {first}")
        _check_pressures(batch.columns, record)


def _check_pressures(columns: Columns, record: IntervalRecord) -> None:
    if not _has_pressure(columns, record.status):
        return
    absent = record.pressure_mean_kpa is None or (
        bool(columns & Columns.PRESSURE_RANGE) and record.pressure_min_kpa is None
    )
    if absent:
        raise CallerError(f"record {record.sequence} has no pressure but no PRESSURE_FAULT")


def _has_pressure(columns: Columns, status: int) -> bool:
    return bool(columns & Columns.PRESSURE) and not status & Status.PRESSURE_FAULT


def _number(coder: Coder, value: int) -> int:
    """Code a number below 2**32: its bit length in 5 bits, then what follows the leading 1."""
    width = coder.raw(5, max(value.bit_length() - 1, 0))
    if width == 0:
        return coder.raw(1, value)
    return 1 << width | coder.raw(width, value & (1 << width) - 1)


def _code_shape(coder: Coder, batch: Batch | None) -> tuple[bool, _Shape, int]:
    continues = coder.raw(1, int(batch is not None and batch.reference is not None))
    wanted = _Shape.of(batch) if batch is not None else USUAL_SHAPE
    shape = USUAL_SHAPE
    if not coder.raw(1, int(wanted == USUAL_SHAPE)):
        columns = Columns(coder.raw(4, wanted.columns))
        if columns & Columns.PRESSURE_RANGE and not columns & Columns.PRESSURE:
            raise PeerError("WL-BAT-02", "PRESSURE_RANGE without PRESSURE")
        samples = coder.raw(6, wanted.samples - 1) + 1
        shape = _Shape(columns, samples, _number(coder, wanted.interval_s))
        if not shape.interval_s:
            raise PeerError("WL-BAT-03", "a store interval of 0 s")
    first_sequence = _number(coder, batch.records[0].sequence if batch is not None else 0)
    return bool(continues), shape, first_sequence


def _find_reference(first_sequence: int, lookup: ReferenceLookup) -> IntervalRecord:
    sequence = (first_sequence - 1) % REGISTER_MODULUS
    reference = lookup(sequence)
    if reference is None:
        raise PeerError("WL-BAT-05", f"continues record {sequence}, which is not held")
    return reference


def _code_origin(coder: Coder, columns: Columns, batch: Batch | None) -> _Origin:
    """Code the first record's own values, or take them from the reference."""
    if batch is not None and batch.reference is not None:
        return _Origin.of(batch.reference, 0)
    wanted = _Origin.of(batch.records[0], 0) if batch is not None else _Origin()
    origin = _Origin(taken_at_s=coder.raw(32, wanted.taken_at_s), quality=ORIGIN_QUALITY)
    origin.forward = _number(coder, wanted.forward)
    if columns & Columns.REVERSE:
        origin.reverse = _number(coder, wanted.reverse)
    if columns & Columns.PRESSURE:
        negative = coder.raw(1, int(wanted.mean < 0))
        magnitude = _number(coder, abs(wanted.mean))
        origin.mean = -magnitude if negative else magnitude
    return origin


def _difference(shape: _Shape, origin: _Origin, record: IntervalRecord) -> _Step:
    step = _Step(
        time_residual_s=record.taken_at_s - origin.taken_at_s - shape.interval_s,
        forward=(record.forward_pulses - origin.forward) % REGISTER_MODULUS,
        reverse=(record.reverse_pulses - origin.reverse) % REGISTER_MODULUS,
        peak=record.peak_flow_pulses,
        status=record.status,
        quality=record.time_quality,
    )
    mean, low, high = record.pressure_mean_kpa, record.pressure_min_kpa, record.pressure_max_kpa
    if mean is not None:
        step.mean_change = mean - origin.mean
        if low is not None and high is not None:
            step.drop, step.rise = mean - low, high - mean
    return step


def _restore(shape: _Shape, sequence: int, origin: _Origin, step: _Step) -> IntervalRecord:
    mean: int | None = None
    low: int | None = None
    high: int | None = None
    if _has_pressure(shape.columns, step.status):
        mean = origin.mean + step.mean_change
        if shape.columns & Columns.PRESSURE_RANGE:
            low, high = mean - step.drop, mean + step.rise
    try:
        return IntervalRecord(
            sequence,
            origin.taken_at_s + shape.interval_s + step.time_residual_s,
            (origin.forward + step.forward) % REGISTER_MODULUS,
            (origin.reverse + step.reverse) % REGISTER_MODULUS,
            mean,
            low,
            high,
            step.peak,
            step.status,
            TimeQuality(step.quality),
        )
    except CallerError as error:
        raise PeerError("WL-BAT-07", f"record {sequence}: {error}") from None


class _Walk:
    """Codes the records of one batch, in either direction."""

    def __init__(self, coder: Coder, shape: _Shape, *, first_is_origin: bool) -> None:
        self.model = Model(coder)
        self._coder = coder
        self._shape = shape
        self._at_origin = first_is_origin
        self._forward_before = 0

    def code(self, origin: _Origin, wanted: _Step | None) -> _Step:
        """Code one record as differences from ``origin``; ``wanted`` is None when reading."""
        want = wanted or _Step()
        step = _Step()
        step.status = self._code_word(SAME_STATUS_CONTEXT, 16, origin.status, wanted, want.status)
        step.quality = self._code_word(
            SAME_QUALITY_CONTEXT, 3, origin.quality, wanted, want.quality
        )
        if self._at_origin:
            step.time_residual_s = -self._shape.interval_s
        else:
            step.time_residual_s = self._tracked(Column.TIME, want.time_residual_s)
            self._code_volumes(step, want)
        columns = self._shape.columns
        if _has_pressure(columns, step.status):
            self._code_pressures(step, want)
        if columns & Columns.PEAK_FLOW:
            self._code_peak(step, want)
        self._forward_before = step.forward
        self._at_origin = False
        return step

    def _code_word(
        self, context: int, bit_count: int, before: int, wanted: _Step | None, value: int
    ) -> int:
        """Code a word that seldom changes: one likely bit, or the whole word."""
        same = self.model.flag(context, int(wanted is not None and value == before))
        return before if same else self._coder.raw(bit_count, value)

    def _tracked(self, column: Column, value: int) -> int:
        """Code a signed value at the level of its column's own activity."""
        model = self.model
        value = model.signed(column, level(model.activity[column] >> 1), value)
        model.remember(column, abs(value))
        return value

    def _code_volumes(self, step: _Step, want: _Step) -> None:
        """Code the forward pulses themselves or their change, whichever was smaller of late."""
        model = self.model
        before = self._forward_before
        bursts = model.activity[Column.FORWARD]
        changes = model.activity[Column.FORWARD_CHANGE]
        if changes < bursts:
            change = model.signed(Column.FORWARD_CHANGE, level(changes >> 1), want.forward - before)
            step.forward = before + change
        else:
            step.forward = model.unsigned(Column.FORWARD, level(bursts >> 1), want.forward)
        model.remember(Column.FORWARD, step.forward)
        model.remember(Column.FORWARD_CHANGE, 2 * abs(step.forward - before))
        if self._shape.columns & Columns.REVERSE:
            activity = model.activity[Column.REVERSE]
            step.reverse = model.unsigned(Column.REVERSE, level(activity >> 1), want.reverse)
            model.remember(Column.REVERSE, step.reverse)

    def _code_pressures(self, step: _Step, want: _Step) -> None:
        model = self.model
        if not self._at_origin:
            step.mean_change = self._tracked(Column.MEAN, want.mean_change)
        if not self._shape.columns & Columns.PRESSURE_RANGE:
            return
        drops, rises = model.activity[Column.DROP] >> 2, model.activity[Column.RISE] >> 2
        step.drop = model.unsigned(
            Column.DROP, level(drops + (abs(step.mean_change) >> 1)), want.drop
        )
        model.remember(Column.DROP, step.drop)
        step.rise = model.unsigned(Column.RISE, level(rises + (step.drop >> 1)), want.rise)
        model.remember(Column.RISE, step.rise)

    def _code_peak(self, step: _Step, want: _Step) -> None:
        """Code how far the peak is above an even spread of the interval's forward pulses."""
        model = self.model
        even = -(-step.forward // self._shape.samples)
        steady = model.activity[Column.FORWARD_CHANGE] < model.activity[Column.FORWARD]
        if steady:
            above = self._tracked(Column.PEAK_OF_STEADY, want.peak - even)
        else:
            above = model.signed(Column.PEAK_OF_BURST, level(step.forward), want.peak - even)
        step.peak = even + above


if TYPE_CHECKING:
    _BatchAdapter = Adapter[bytes, bytes, Batch, Batch]
else:
    _BatchAdapter = Adapter  # construct's classes take no type arguments at run time


class PackedBatch(_BatchAdapter):
    """The rest of a body as a ``Batch``.

    Parsing takes the keyword ``reference_lookup``, a ``ReferenceLookup``; without it only
    batches that stand alone can be parsed.
    """

    def __init__(self) -> None:
        super().__init__(GreedyBytes)

    def _decode(self, obj: bytes, context: Any, path: object) -> Batch:
        lookup = context._params.get("reference_lookup")
        return unpack(obj, lookup) if lookup else unpack(obj)

    def _encode(self, obj: Batch, context: object, path: object) -> bytes:
        return pack(obj)
