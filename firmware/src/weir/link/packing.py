"""Packs interval records into the batch of a READINGS frame (WL-BAT, WL-MOD, WL-RNG).

All arithmetic stays below 2**30 but for 32-bit registers, and nothing is allocated per record:
the encoder writes into one buffer and can take back the record that did not fit.

A record is a sequence of nine integers: taken_at_s, forward_pulses, reverse_pulses, pressure
mean, min and max in kPa (NO_PRESSURE_KPA when there is none), peak_flow_pulses, status,
time_quality.
"""

from array import array

from micropython import const
from weir.link import tables_gen as t

TYPE_CHECKING = const(False)  # mypy takes the name for True; MicroPython drops the block
if TYPE_CHECKING:
    from collections.abc import Sequence

_TOP = const(1 << 24)
_BOTTOM = const(1 << 16)
_WORD = const(0xFFFF_FFFF)
_TAIL_SIZE = const(3)  # bytes that the end mark and the last byte may still need


def _bit_length(value: int) -> int:
    length = 0
    while value > 255:
        value >>= 8
        length += 8
    while value:
        value >>= 1
        length += 1
    return length


def _level(magnitude: int) -> int:
    return t.LEVELS - 1 if magnitude >= 64 else _bit_length(magnitude)


class RangeEncoder:
    """Adaptive binary range coder of 24 bits into a fixed buffer."""

    def __init__(self, size_max: int) -> None:
        self.output = bytearray(size_max)
        self._contexts = array("H", bytes(2 * t.CONTEXT_COUNT))
        self._saved_contexts = array("H", bytes(2 * t.CONTEXT_COUNT))
        self._saved_output = bytearray(size_max)
        self.reset()

    def reset(self) -> None:
        """Start a new batch."""
        self._low = 0
        self._range = _TOP
        self.position = 0
        self.overflowed = False
        contexts = self._contexts
        index = 0
        for table in t.PRIOR_OF_COLUMN:
            start = table * t.MANTISSA_OFFSET
            for place in range(start, start + t.MANTISSA_OFFSET):
                contexts[index] = t.PRIOR_256THS[place] << 8 | 1
                index += 1
            for _ in range(t.MANTISSAS + t.SIGNS):
                contexts[index] = t.EVEN_STATE
                index += 1
        contexts[t.MORE_CONTEXT] = t.EVEN_STATE
        contexts[t.SAME_STATUS_CONTEXT] = t.LIKELY_STATE
        contexts[t.SAME_QUALITY_CONTEXT] = t.LIKELY_STATE

    def save(self) -> None:
        """Remember this point; carries may reach back, so the output is kept as well."""
        memoryview(self._saved_contexts)[:] = memoryview(self._contexts)
        memoryview(self._saved_output)[:] = memoryview(self.output)
        self._saved_point = (self._low, self._range, self.position)

    def restore(self) -> None:
        """Go back to the point that ``save`` remembered."""
        memoryview(self._contexts)[:] = memoryview(self._saved_contexts)
        memoryview(self.output)[:] = memoryview(self._saved_output)
        self._low, self._range, self.position = self._saved_point
        self.overflowed = False

    def bit(self, context: int, bit: int) -> None:
        """Code one bit and let its context learn."""
        state = self._contexts[context]
        probability = state >> 4
        evidence = state & 15
        bound = (self._range >> 12) * probability
        if bit:
            self._range = bound
            probability += (4096 - probability) * t.RATES[evidence] >> 16
            if probability > t.PROBABILITY_MAX:
                probability = t.PROBABILITY_MAX
        else:
            self._low += bound
            self._range -= bound
            probability -= probability * t.RATES[evidence] >> 16
            if probability < t.PROBABILITY_MIN:
                probability = t.PROBABILITY_MIN
        if evidence < 15:
            evidence += 1
        self._contexts[context] = probability << 4 | evidence
        self._normalise()

    def raw(self, bit_count: int, value: int) -> None:
        """Code bits that no context predicts, most significant first."""
        while bit_count:
            width = 8 if bit_count > 8 else bit_count
            bit_count -= width
            self._range >>= width
            self._low += self._range * (value >> bit_count & (1 << width) - 1)
            self._normalise()

    def finish(self) -> int:
        """End the batch; return its size in bytes."""
        self._low += _BOTTOM - 1
        self._carry()
        self._emit()
        size = self.position
        while size and self.output[size - 1] == 0:
            size -= 1
        return size

    def _normalise(self) -> None:
        self._carry()
        while self._range < _BOTTOM:
            self._emit()
            self._low = (self._low & 0xFFFF) << 8
            self._range <<= 8

    def _emit(self) -> None:
        if self.position < len(self.output):
            self.output[self.position] = self._low >> 16
            self.position += 1
        else:
            self.overflowed = True

    def _carry(self) -> None:
        if self._low < _TOP:
            return
        self._low -= _TOP
        position = self.position - 1
        output = self.output
        while output[position] == 255:
            output[position] = 0
            position -= 1
        output[position] += 1


class BatchPacker:
    """Packs one batch at a time; ``size_max`` is the longest batch in bytes."""

    def __init__(self, size_max: int) -> None:
        self.count = 0
        self._size_max = size_max
        self._encoder = RangeEncoder(size_max + _TAIL_SIZE)
        self._activity = [0] * t.COLUMN_COUNT
        self._saved_activity = [0] * t.COLUMN_COUNT
        self._signs = bytearray(t.COLUMN_COUNT)
        self._saved_signs = bytearray(t.COLUMN_COUNT)
        self._origin = [0] * 6  # taken_at_s, forward, reverse, mean, status, quality
        self._saved_origin = [0] * 6

    def begin(
        self,
        first_sequence: int,
        interval_s: int,
        samples: int,
        columns: int,
        reference: "Sequence[int] | None",
    ) -> None:
        """Start a batch. ``reference``: the acknowledged record before, or None."""
        self._encoder.reset()
        self.count = 0
        self._columns = columns
        self._interval_s = interval_s
        self._samples = samples
        self._forward_before = 0
        self._at_origin = reference is None
        for column in range(t.COLUMN_COUNT):
            self._activity[column] = t.FIRST_ACTIVITY[column]
            self._signs[column] = 0
        self._shape(first_sequence)
        if reference is not None:
            self._set_origin(reference, 0)

    def append(self, record: "Sequence[int]") -> bool:
        """Add the next record; return False, and leave the batch as it was, when it is full."""
        if self.count == t.RECORDS_MAX:
            return False
        self._save()
        if self.count:
            self._encoder.bit(t.MORE_CONTEXT, 1)
        if self._at_origin:
            self._write_origin(record)
        self._write(record)
        if self._encoder.overflowed or self._encoder.position > self._size_max - _TAIL_SIZE:
            self._restore()
            return False
        self.count += 1
        return True

    def finish(self) -> bytes:
        """Return the batch; it has at least one record."""
        self._encoder.bit(t.MORE_CONTEXT, 0)
        size = self._encoder.finish()
        return bytes(memoryview(self._encoder.output)[:size])

    def _save(self) -> None:
        self._encoder.save()
        self._saved_activity[:] = self._activity
        self._saved_signs[:] = self._signs
        self._saved_origin[:] = self._origin
        self._saved_point = (self._forward_before, self._at_origin)

    def _restore(self) -> None:
        self._encoder.restore()
        self._activity[:] = self._saved_activity
        self._signs[:] = self._saved_signs
        self._origin[:] = self._saved_origin
        self._forward_before, self._at_origin = self._saved_point

    def _shape(self, first_sequence: int) -> None:
        raw = self._encoder.raw
        raw(1, 0 if self._at_origin else 1)
        usual = (
            self._columns == t.USUAL_COLUMNS
            and self._samples == t.USUAL_SAMPLES
            and self._interval_s == t.USUAL_INTERVAL_S
        )
        raw(1, 1 if usual else 0)
        if not usual:
            raw(4, self._columns)
            raw(6, self._samples - 1)
            self._number(self._interval_s)
        self._number(first_sequence)

    def _number(self, value: int) -> None:
        width = _bit_length(value) - 1
        if width < 1:
            self._encoder.raw(5, 0)
            self._encoder.raw(1, value)
        else:
            self._encoder.raw(5, width)
            self._encoder.raw(width, value & (1 << width) - 1)

    def _set_origin(self, record: "Sequence[int]", mean_before: int) -> None:
        origin = self._origin
        origin[0] = record[0]
        origin[1] = record[1]
        origin[2] = record[2]
        origin[3] = mean_before if record[3] == t.NO_PRESSURE_KPA else record[3]
        origin[4] = record[7]
        origin[5] = record[8]

    def _write_origin(self, record: "Sequence[int]") -> None:
        """Write the first record's own values; it is then a difference of 0 from them."""
        self._set_origin(record, 0)
        origin = self._origin
        self._encoder.raw(32, origin[0])
        self._number(origin[1])
        if self._columns & t.COLUMNS_REVERSE:
            self._number(origin[2])
        if self._columns & t.COLUMNS_PRESSURE:
            self._encoder.raw(1, 1 if origin[3] < 0 else 0)
            self._number(abs(origin[3]))
        origin[4] = 0
        origin[5] = t.ORIGIN_QUALITY

    def _write(self, record: "Sequence[int]") -> None:
        self._word(t.SAME_STATUS_CONTEXT, 16, record[7], self._origin[4])
        self._word(t.SAME_QUALITY_CONTEXT, 3, record[8], self._origin[5])
        forward = 0
        if not self._at_origin:
            residual_s = record[0] - self._origin[0] - self._interval_s
            self._tracked(t.COLUMN_TIME, residual_s)
            forward = (record[1] - self._origin[1]) & _WORD
            self._volumes(forward, (record[2] - self._origin[2]) & _WORD)
        if self._columns & t.COLUMNS_PRESSURE and not record[7] & t.STATUS_PRESSURE_FAULT:
            self._pressures(record[3], record[4], record[5])
        if self._columns & t.COLUMNS_PEAK_FLOW:
            self._peak(record[6], forward)
        self._forward_before = forward
        self._at_origin = False
        self._set_origin(record, self._origin[3])

    def _word(self, context: int, bit_count: int, value: int, before: int) -> None:
        if value == before:
            self._encoder.bit(context, 1)
        else:
            self._encoder.bit(context, 0)
            self._encoder.raw(bit_count, value)

    def _volumes(self, forward: int, reverse: int) -> None:
        activity = self._activity
        bursts = activity[t.COLUMN_FORWARD]
        changes = activity[t.COLUMN_FORWARD_CHANGE]
        change = forward - self._forward_before
        if changes < bursts:
            self._signed(t.COLUMN_FORWARD_CHANGE, _level(changes >> 1), change)
        else:
            self._unsigned(t.COLUMN_FORWARD, _level(bursts >> 1), forward)
        self._remember(t.COLUMN_FORWARD, forward)
        self._remember(t.COLUMN_FORWARD_CHANGE, 2 * abs(change))
        if self._columns & t.COLUMNS_REVERSE:
            self._unsigned(t.COLUMN_REVERSE, _level(activity[t.COLUMN_REVERSE] >> 1), reverse)
            self._remember(t.COLUMN_REVERSE, reverse)

    def _pressures(self, mean: int, low: int, high: int) -> None:
        change = 0
        if not self._at_origin:
            change = mean - self._origin[3]
            self._tracked(t.COLUMN_MEAN, change)
        if not self._columns & t.COLUMNS_PRESSURE_RANGE:
            return
        drop = mean - low
        at = (self._activity[t.COLUMN_DROP] >> 2) + (abs(change) >> 1)
        self._unsigned(t.COLUMN_DROP, _level(at), drop)
        self._remember(t.COLUMN_DROP, drop)
        at = (self._activity[t.COLUMN_RISE] >> 2) + (drop >> 1)
        self._unsigned(t.COLUMN_RISE, _level(at), high - mean)
        self._remember(t.COLUMN_RISE, high - mean)

    def _peak(self, peak: int, forward: int) -> None:
        above = peak - (forward + self._samples - 1) // self._samples
        if self._activity[t.COLUMN_FORWARD_CHANGE] < self._activity[t.COLUMN_FORWARD]:
            self._tracked(t.COLUMN_PEAK_OF_STEADY, above)
        else:
            self._signed(t.COLUMN_PEAK_OF_BURST, _level(forward), above)

    def _remember(self, column: int, magnitude: int) -> None:
        activity = self._activity
        activity[column] += magnitude - (activity[column] >> 1)

    def _tracked(self, column: int, value: int) -> None:
        self._signed(column, _level(self._activity[column] >> 1), value)
        self._remember(column, abs(value))

    def _signed(self, column: int, level: int, value: int) -> None:
        self._unsigned(column, level, abs(value))
        if value:
            context = column * t.COLUMN_CONTEXTS + t.SIGN_OFFSET + self._signs[column]
            negative = 1 if value < 0 else 0
            self._encoder.bit(context, negative)
            self._signs[column] = 1 + negative

    def _unsigned(self, column: int, level: int, value: int) -> None:
        base = column * t.COLUMN_CONTEXTS
        context = base + level * t.EXPONENTS
        length = _bit_length(value)
        for index in range(length + 1):
            step = index if index < t.EXPONENTS else t.EXPONENTS - 1
            self._encoder.bit(context + step, 1 if index < length else 0)
        if length < 2:
            return
        step = length if length < t.MANTISSAS else t.MANTISSAS - 1
        self._encoder.bit(base + t.MANTISSA_OFFSET + step, value >> length - 2 & 1)
        self._encoder.raw(length - 2, value & (1 << length - 2) - 1)
