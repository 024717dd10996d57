"""Pulses from a recording. Not one is lost or invented, however often the counters are read.

The pulses given up to any instant are the whole pulses in the volume that has passed by then, so
what is left over at the end of a span is carried into the next one.
"""

from bisect import bisect_right
from fractions import Fraction
from itertools import accumulate

from weir_tools.simulator.recording import Recording, compact


class Waveform:
    def __init__(self, recording: Recording, pulse_weight_ml: int) -> None:
        self.recording = recording
        self.pulse_weight_ml = pulse_weight_ml
        self.ends_ms = recording.ends_ms
        self._starts_ms = recording.span_starts_ms
        amounts = recording.amounts
        self._forward = compact(lambda: (max(amount, 0) for amount in amounts))
        self._reverse = compact(lambda: (max(-amount, 0) for amount in amounts))
        self._forward_before = compact(lambda: accumulate(self._forward, initial=0))
        self._reverse_before = compact(lambda: accumulate(self._reverse, initial=0))
        units_per_ml = recording.units_per_ml
        self._units_per_pulse = 1 if units_per_ml is None else units_per_ml * pulse_weight_ml

    def counts_at(self, now_ms: int) -> tuple[int, int]:
        """Pulses forward and in reverse since the start of the recording."""
        forward, reverse = self._units_at(now_ms)
        return forward // self._units_per_pulse, reverse // self._units_per_pulse

    def volumes_ml_at(self, now_ms: int) -> tuple[Fraction, Fraction]:
        """Recorded volume forward and in reverse since the start, to the unit of the recording."""
        ml_per_unit = Fraction(self.pulse_weight_ml, self._units_per_pulse)
        forward, reverse = self._units_at(now_ms)
        return forward * ml_per_unit, reverse * ml_per_unit

    def flow_l_per_s_at(self, now_ms: int) -> float:
        """Recorded flow, negative in reverse; 0 outside the recording."""
        if not 0 <= now_ms < self.ends_ms:
            return 0.0
        index = self._span_at(now_ms)
        amount = self.recording.amounts[index]
        return amount * self.pulse_weight_ml / self._units_per_pulse / self._span_ms(index)

    def pressure_kpa_at(self, now_ms: int) -> int | None:
        """Recorded pressure, None where none was recorded; the last one stays after the end."""
        pressures = self.recording.pressures_kpa
        if pressures is None or now_ms < 0:
            return None
        return pressures[self._span_at(now_ms)]

    def _units_at(self, now_ms: int) -> tuple[int, int]:
        if now_ms <= 0:
            return 0, 0
        if now_ms >= self.ends_ms:
            return self._forward_before[-1], self._reverse_before[-1]
        index = self._span_at(now_ms)
        elapsed_ms = now_ms - self._starts_ms[index]
        span_ms = self._span_ms(index)
        return (
            self._forward_before[index] + self._forward[index] * elapsed_ms // span_ms,
            self._reverse_before[index] + self._reverse[index] * elapsed_ms // span_ms,
        )

    def _span_at(self, now_ms: int) -> int:
        return bisect_right(self._starts_ms, now_ms) - 1

    def _span_ms(self, index: int) -> int:
        after = index + 1
        ends_ms = self._starts_ms[after] if after < len(self._starts_ms) else self.ends_ms
        return ends_ms - self._starts_ms[index]
