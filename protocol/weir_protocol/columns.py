"""Records as differences, coded column by column (WL-BAT, the numbered steps)."""

from dataclasses import dataclass

from weir_protocol.batch import Shape
from weir_protocol.errors import CallerError, PeerError
from weir_protocol.model import (
    SAME_QUALITY_CONTEXT,
    SAME_STATUS_CONTEXT,
    Column,
    Model,
    level,
)
from weir_protocol.rangecoder import Coder
from weir_protocol.records import (
    REGISTER_MODULUS,
    TIME_QUALITIES,
    IntervalRecord,
)


@dataclass(slots=True)
class Step:
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
class Origin:
    """The values that the next record is a difference from."""

    taken_at_s: int = 0
    forward: int = 0
    reverse: int = 0
    mean: int = 0
    status: int = 0
    quality: int = 0

    @classmethod
    def of(cls, record: IntervalRecord, mean_before: int) -> "Origin":
        mean = mean_before if record.pressure_mean_kpa is None else record.pressure_mean_kpa
        return cls(
            record.taken_at_s,
            record.forward_pulses,
            record.reverse_pulses,
            mean,
            record.status,
            record.time_quality,
        )


def difference(shape: Shape, origin: Origin, record: IntervalRecord) -> Step:
    step = Step(
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


def restore(shape: Shape, sequence: int, origin: Origin, step: Step) -> IntervalRecord:
    mean: int | None = None
    low: int | None = None
    high: int | None = None
    if shape.has_pressure(step.status):
        mean = origin.mean + step.mean_change
        if shape.pressure_range:
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
            TIME_QUALITIES[step.quality],
        )
    except CallerError as error:
        raise PeerError("WL-BAT-07", f"record {sequence}: {error}") from None


class Walk:
    """Codes the records of one batch, in either direction."""

    def __init__(self, coder: Coder, shape: Shape, *, first_is_origin: bool) -> None:
        self.model = Model(coder)
        self._coder = coder
        self._shape = shape
        self._at_origin = first_is_origin
        self._forward_before = 0

    def code(self, origin: Origin, wanted: Step | None) -> Step:
        """Code one record as differences from ``origin``; ``wanted`` is None when reading."""
        want = wanted or Step()
        step = Step()
        step.status = self._code_word(SAME_STATUS_CONTEXT, 16, origin.status, wanted, want.status)
        step.quality = self._code_word(
            SAME_QUALITY_CONTEXT, 3, origin.quality, wanted, want.quality
        )
        if self._at_origin:
            step.time_residual_s = -self._shape.interval_s
        else:
            step.time_residual_s = self._tracked(Column.TIME, want.time_residual_s)
            self._code_volumes(step, want)
        if self._shape.has_pressure(step.status):
            self._code_pressures(step, want)
        if self._shape.peak_flow:
            self._code_peak(step, want)
        self._forward_before = step.forward
        self._at_origin = False
        return step

    def _code_word(
        self, context: int, bit_count: int, before: int, wanted: Step | None, value: int
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

    def _code_volumes(self, step: Step, want: Step) -> None:
        """Code the forward pulses themselves or their change, whichever was smaller of late."""
        model = self.model
        before = self._forward_before
        bursts = model.activity[Column.FORWARD]
        changes = model.activity[Column.FORWARD_CHANGE]
        if changes < bursts:
            change = model.signed(
                Column.FORWARD_CHANGE, level(changes >> 1), want.forward - before
            )
            step.forward = before + change
        else:
            step.forward = model.unsigned(Column.FORWARD, level(bursts >> 1), want.forward)
        model.remember(Column.FORWARD, step.forward)
        model.remember(Column.FORWARD_CHANGE, 2 * abs(step.forward - before))
        if self._shape.reverse:
            activity = model.activity[Column.REVERSE]
            step.reverse = model.unsigned(Column.REVERSE, level(activity >> 1), want.reverse)
            model.remember(Column.REVERSE, step.reverse)

    def _code_pressures(self, step: Step, want: Step) -> None:
        model = self.model
        if not self._at_origin:
            step.mean_change = self._tracked(Column.MEAN, want.mean_change)
        if not self._shape.pressure_range:
            return
        drops, rises = model.activity[Column.DROP] >> 2, model.activity[Column.RISE] >> 2
        step.drop = model.unsigned(
            Column.DROP, level(drops + (abs(step.mean_change) >> 1)), want.drop
        )
        model.remember(Column.DROP, step.drop)
        step.rise = model.unsigned(Column.RISE, level(rises + (step.drop >> 1)), want.rise)
        model.remember(Column.RISE, step.rise)

    def _code_peak(self, step: Step, want: Step) -> None:
        """Code how far the peak is above an even spread of the interval's forward pulses."""
        model = self.model
        even = -(-step.forward // self._shape.samples)
        steady = model.activity[Column.FORWARD_CHANGE] < model.activity[Column.FORWARD]
        if steady:
            above = self._tracked(Column.PEAK_OF_STEADY, want.peak - even)
        else:
            above = model.signed(Column.PEAK_OF_BURST, level(step.forward), want.peak - even)
        step.peak = even + above
