"""What a simulated meter's sensors see."""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from typing import Protocol, TypeVar

from weir_tools.simulator.pressure import SimulatedPressure
from weir_tools.simulator.senses import Senses
from weir_tools.simulator.waveform import Waveform

Amount = TypeVar("Amount", int, Fraction)


class Inputs(Protocol):
    @property
    def senses(self) -> Senses: ...

    def counts_at(self, now_ms: int, /) -> tuple[int, int]:
        """Pulses forward and in reverse since the bench's time began. They never fall."""

    def pressure_kpa_at(self, now_ms: int, /) -> int | None: ...


class RecordedInputs:
    """A recording replayed, its start at the bench's time 0, until it ends or the tap is shut."""

    def __init__(self, waveform: Waveform, pressure: SimulatedPressure | None) -> None:
        self.waveform = waveform
        self.senses = Senses()
        self._pressure = pressure
        self._shut_at_ms: int | None = None
        self._turned_at_ms: list[int] = []  # backwards, forwards, backwards ...

    def shut_at(self, now_ms: int, /) -> None:
        """Let nothing flow from this instant on."""
        self._shut_at_ms = now_ms

    def turn(self, now_ms: int, /, *, backwards: bool) -> None:
        """Let what was recorded run backwards through the meter from this instant on, or again
        forwards. The instant is not before one that was asked for.
        """
        if backwards != bool(len(self._turned_at_ms) % 2):
            self._turned_at_ms.append(now_ms)

    def counts_at(self, now_ms: int, /) -> tuple[int, int]:
        return self._as_turned(self.waveform.counts_at, now_ms)

    def volumes_ml_at(self, now_ms: int, /) -> tuple[float, float]:
        forward, reverse = self._as_turned(self.waveform.volumes_ml_at, now_ms)
        return float(forward), float(reverse)

    def _as_turned(
        self, totals_at: Callable[[int], tuple[Amount, Amount]], now_ms: int
    ) -> tuple[Amount, Amount]:
        """Forward and reverse totals, each span of time counted the way the water then ran."""
        until_ms: int = self._flowing_until_ms(now_ms)
        ends_ms = [*(at_ms for at_ms in self._turned_at_ms if at_ms < until_ms), until_ms]
        forward, reverse = totals_at(ends_ms[0])
        for place, (begins_ms, span_ends_ms) in enumerate(pairwise(ends_ms)):
            before, after = totals_at(begins_ms), totals_at(span_ends_ms)
            with_it, against_it = after[0] - before[0], after[1] - before[1]
            forward += with_it if place % 2 else against_it
            reverse += against_it if place % 2 else with_it
        return forward, reverse

    def pressure_kpa_at(self, now_ms: int, /) -> int | None:
        if self._pressure is None:
            return self.waveform.pressure_kpa_at(now_ms)
        is_shut = self._flowing_until_ms(now_ms) < now_ms
        flow_l_per_s = 0.0 if is_shut else self.waveform.flow_l_per_s_at(now_ms)
        return self._pressure.pressure_kpa(now_ms, flow_l_per_s)

    def _flowing_until_ms(self, now_ms: int) -> int:
        return now_ms if self._shut_at_ms is None else min(now_ms, self._shut_at_ms)


class HandFedInputs:
    """A test turns the tap by hand."""

    def __init__(self, *, pressure_kpa: int | None = 400) -> None:
        self.forward_pulses = 0
        self.reverse_pulses = 0
        self.pressure_kpa = pressure_kpa
        self.senses = Senses()

    def counts_at(self, _now_ms: int, /) -> tuple[int, int]:
        return self.forward_pulses, self.reverse_pulses

    def pressure_kpa_at(self, _now_ms: int, /) -> int | None:
        return self.pressure_kpa
