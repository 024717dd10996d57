"""Packs a batch into the body of a READINGS frame and reads it back (WL-BAT).

A batch stands alone, with an explicit origin, or it continues the record before its first, which
the gateway has acknowledged and so holds. One walk serves both directions: the coder is either
an encoder, given the values, or a decoder, which returns them.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from construct import Adapter, GreedyBytes

from weir_protocol.batch import (
    ALL_COLUMNS,
    EMPTY_BATCH,
    ORIGIN_QUALITY,
    RECORDS_MAX,
    USUAL_SHAPE,
    Batch,
    Columns,
    ReferenceLookup,
    Shape,
    check,
)
from weir_protocol.columns import Origin, Walk, difference, restore
from weir_protocol.errors import PeerError
from weir_protocol.model import MORE_CONTEXT
from weir_protocol.rangecoder import Coder, Decoder, Encoder
from weir_protocol.records import REGISTER_MODULUS, IntervalRecord


def hold_nothing(_sequence: int) -> None:
    """The lookup of a side that holds no record."""


def pack(batch: Batch) -> bytes:
    """Return the packed form of a batch. Raise CallerError when it cannot be packed."""
    if not batch.records:
        return b""
    check(batch)
    encoder = Encoder()
    shape = _code_opening(encoder, batch).shape
    origin = _code_origin(encoder, batch.columns, batch)
    walk = Walk(encoder, shape, first_is_origin=batch.reference is None)
    for index, record in enumerate(batch.records):
        walk.code(origin, difference(shape, origin, record))
        origin = Origin.of(record, origin.mean)
        walk.model.flag(MORE_CONTEXT, int(index + 1 < len(batch.records)))
    return encoder.finish()


def unpack(packed: bytes, lookup: ReferenceLookup = hold_nothing) -> Batch:
    """Return the batch. Raise PeerError when it is malformed or its reference is not held."""
    if not packed:
        return EMPTY_BATCH
    decoder = Decoder(packed)
    opening = _code_opening(decoder, None)
    shape, first_sequence = opening.shape, opening.first_sequence
    reference = _find_reference(first_sequence, lookup) if opening.continues else None
    if reference is not None:
        origin = Origin.of(reference, 0)
    else:
        origin = _code_origin(decoder, opening.columns, None)
    walk = Walk(decoder, shape, first_is_origin=reference is None)
    records: list[IntervalRecord] = []
    more = 1
    while more:
        if len(records) == RECORDS_MAX:
            raise PeerError("WL-BAT-06", f"more than {RECORDS_MAX} records in a batch")
        step = walk.code(origin, None)
        sequence = (first_sequence + len(records)) % REGISTER_MODULUS
        record = restore(shape, sequence, origin, step)
        origin = Origin.of(record, origin.mean)
        records.append(record)
        more = walk.model.flag(MORE_CONTEXT, 0)
    decoder.finish()
    return Batch(tuple(records), shape.interval_s, shape.samples, opening.columns, reference)


@dataclass(frozen=True, slots=True)
class _Opening:
    """What stands before the origin and the records of a batch."""

    continues: bool
    columns: Columns
    shape: Shape
    first_sequence: int


def _number(coder: Coder, value: int) -> int:
    """Code a number below 2**32: its bit length in 5 bits, then what follows the leading 1."""
    width = coder.raw(5, max(value.bit_length() - 1, 0))
    if width == 0:
        return coder.raw(1, value)
    return 1 << width | coder.raw(width, value & (1 << width) - 1)


def _code_opening(coder: Coder, batch: Batch | None) -> _Opening:
    continues = coder.raw(1, int(batch is not None and batch.reference is not None))
    wanted = USUAL_SHAPE
    columns = ALL_COLUMNS
    if batch is not None:
        columns = batch.columns
        wanted = Shape.of(columns, batch.samples, batch.interval_s)
    shape = USUAL_SHAPE
    if not coder.raw(1, int(wanted == USUAL_SHAPE)):
        columns = Columns(coder.raw(4, int(columns)))
        if columns & Columns.PRESSURE_RANGE and not columns & Columns.PRESSURE:
            raise PeerError("WL-BAT-02", "PRESSURE_RANGE without PRESSURE")
        samples = coder.raw(6, wanted.samples - 1) + 1
        shape = Shape.of(columns, samples, _number(coder, wanted.interval_s))
        if not shape.interval_s:
            raise PeerError("WL-BAT-03", "a store interval of 0 s")
    first_sequence = _number(coder, batch.records[0].sequence if batch is not None else 0)
    return _Opening(bool(continues), columns, shape, first_sequence)


def _find_reference(first_sequence: int, lookup: ReferenceLookup) -> IntervalRecord:
    sequence = (first_sequence - 1) % REGISTER_MODULUS
    reference = lookup(sequence)
    if reference is None:
        raise PeerError("WL-BAT-05", f"continues record {sequence}, which is not held")
    return reference


def _code_origin(coder: Coder, columns: Columns, batch: Batch | None) -> Origin:
    """Code the first record's own values, or take them from the reference."""
    if batch is not None and batch.reference is not None:
        return Origin.of(batch.reference, 0)
    wanted = Origin.of(batch.records[0], 0) if batch is not None else Origin()
    origin = Origin(taken_at_s=coder.raw(32, wanted.taken_at_s), quality=ORIGIN_QUALITY)
    origin.forward = _number(coder, wanted.forward)
    if columns & Columns.REVERSE:
        origin.reverse = _number(coder, wanted.reverse)
    if columns & Columns.PRESSURE:
        negative = coder.raw(1, int(wanted.mean < 0))
        magnitude = _number(coder, abs(wanted.mean))
        origin.mean = -magnitude if negative else magnitude
    return origin


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

    def _decode(self, obj: bytes, context: Any, _path: object) -> Batch:
        lookup = context._params.get("reference_lookup")
        return unpack(obj, lookup) if lookup else unpack(obj)

    def _encode(self, obj: Batch, _context: object, _path: object) -> bytes:
        return pack(obj)
