"""A pressure to go with a recorded flow. It is simulated, and whoever shows it has to say so."""

from random import Random

from weir_tools.simulator.waveform import Waveform


class SimulatedPressure:
    """Static head less a loss that grows with the square of the flow, and the noise of a sensor.

    The same time and flow always give the same pressure, so that a run can be repeated.
    """

    def __init__(
        self,
        *,
        flow_max_l_per_s: float,
        seed: str,
        static_kpa: int = 450,
        loss_max_kpa: int = 120,
        noise_kpa: float = 0.5,  # of a 0.25 % sensor over 1,000 kPa, the median of several samples
    ) -> None:
        self._static_kpa = static_kpa
        self._loss_per_square = loss_max_kpa / flow_max_l_per_s**2 if flow_max_l_per_s else 0.0
        self._noise_kpa = noise_kpa
        self._seed = seed

    def pressure_kpa(self, now_ms: int, flow_l_per_s: float) -> int:
        noise_kpa = Random(f"{self._seed} {now_ms}").gauss(0.0, self._noise_kpa)
        return round(self._static_kpa - self._loss_per_square * flow_l_per_s**2 + noise_kpa)


def pressure_for(waveform: Waveform) -> SimulatedPressure | None:
    """A simulated pressure for a recording that has none of its own."""
    if waveform.recording.pressures_kpa is not None:
        return None
    starts_ms = waveform.recording.span_starts_ms
    flow_max_l_per_s = max(abs(waveform.flow_l_per_s_at(start_ms)) for start_ms in starts_ms)
    return SimulatedPressure(flow_max_l_per_s=flow_max_l_per_s, seed=waveform.recording.name)
