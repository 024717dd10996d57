"""A batch: records of consecutive sequences, and how they are to be packed (WL-BAT)."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntFlag

from weir_protocol.errors import CallerError
from weir_protocol.records import (
    PRESSURE_FAULT_BIT,
    REGISTER_MODULUS,
    IntervalRecord,
    TimeQuality,
)

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


EMPTY_BATCH = Batch((), 900, 15)
"""What a batch without bytes reads as: nothing to report (WL-BAT-01)."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How the records of a batch are laid out; each column as a bool, for the sake of speed."""

    reverse: bool
    pressure: bool
    pressure_range: bool
    peak_flow: bool
    samples: int
    interval_s: int

    @classmethod
    def of(cls, columns: Columns, samples: int, interval_s: int) -> "Shape":
        return cls(
            bool(columns & Columns.REVERSE),
            bool(columns & Columns.PRESSURE),
            bool(columns & Columns.PRESSURE_RANGE),
            bool(columns & Columns.PEAK_FLOW),
            samples,
            interval_s,
        )

    def has_pressure(self, status: int) -> bool:
        """Return whether a record with this status carries pressure."""
        return self.pressure and not status & PRESSURE_FAULT_BIT


USUAL_SHAPE = Shape.of(ALL_COLUMNS, 15, 900)
"""The shape that costs one bit: that of the default settings (WL-BAT-02)."""


def check(batch: Batch) -> None:
    if len(batch.records) > RECORDS_MAX:
        raise CallerError(f"a batch has at most {RECORDS_MAX} records, not {len(batch.records)}")
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
    if not columns & Columns.PRESSURE or record.status & PRESSURE_FAULT_BIT:
        return
    absent = record.pressure_mean_kpa is None or (
        bool(columns & Columns.PRESSURE_RANGE) and record.pressure_min_kpa is None
    )
    if absent:
        raise CallerError(f"record {record.sequence} has no pressure but no PRESSURE_FAULT")
