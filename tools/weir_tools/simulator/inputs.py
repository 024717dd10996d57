"""What a simulated meter's sensors see."""

from typing import Protocol

from weir_tools.simulator.pressure import SimulatedPressure
from weir_tools.simulator.senses import Senses
from weir_tools.simulator.waveform import Waveform


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

    def shut_at(self, now_ms: int, /) -> None:
        """Let nothing flow from this instant on."""
        self._shut_at_ms = now_ms

    def counts_at(self, now_ms: int, /) -> tuple[int, int]:
        return self.waveform.counts_at(self._flowing_until_ms(now_ms))

    def volumes_ml_at(self, now_ms: int, /) -> tuple[float, float]:
        forward, reverse = self.waveform.volumes_ml_at(self._flowing_until_ms(now_ms))
        return float(forward), float(reverse)

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
