"""What the base meter and the pressure sensor give, turned by a test."""

import math
from fractions import Fraction

from weir_tools.simulator.inputs import HandFedInputs
from weir_tools.simulator.senses import Senses


class TurnedInputs:
    """Counts that a test gives at once or at a rate. They are exact at every instant asked for."""

    def __init__(self) -> None:
        self._given = HandFedInputs()
        self._rates_hz = (Fraction(0), Fraction(0))
        self._running_since_ms = 0

    @property
    def senses(self) -> Senses:
        return self._given.senses

    def send(self, forward: int, reverse: int) -> None:
        self._given.forward_pulses += forward
        self._given.reverse_pulses += reverse

    def run(self, now_ms: int, forward_hz: float, reverse_hz: float) -> None:
        self._given.forward_pulses, self._given.reverse_pulses = self.counts_at(now_ms)
        self._rates_hz = (Fraction(forward_hz), Fraction(reverse_hz))
        self._running_since_ms = now_ms

    def set_pressure(self, pressure_kpa: int | None) -> None:
        """None: the sensor gives no valid value."""
        self._given.pressure_kpa = pressure_kpa

    def counts_at(self, now_ms: int, /) -> tuple[int, int]:
        forward, reverse = self._given.counts_at(now_ms)
        elapsed_s = Fraction(max(now_ms - self._running_since_ms, 0), 1000)
        forward_hz, reverse_hz = self._rates_hz
        return forward + math.floor(forward_hz * elapsed_s), reverse + math.floor(
            reverse_hz * elapsed_s
        )

    def pressure_kpa_at(self, now_ms: int, /) -> int | None:
        return self._given.pressure_kpa_at(now_ms)
