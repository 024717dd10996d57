"""Water through one meter: true totals and pressure, on one seed."""

import random

_SPAN_US = 30 * 60 * 1_000_000
_HOUR_US = 3600 * 1_000_000
_NIGHT_HOURS = range(6)


class Water:
    """Flow that changes every half hour, runs back now and then, and at times stands still.

    Totals are what went through the pipe, whether or not anything counted it. Instants are asked
    for in order.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._ends_us = 0
        self._forward_per_h = self._reverse_per_h = 0
        self._forward = self._reverse = 0  # in pulse microseconds per hour

    def totals(self, now_us: int) -> tuple[int, int]:
        """Return forward and reverse pulses since the world began."""
        while now_us >= self._ends_us:
            self._forward += self._forward_per_h * _SPAN_US
            self._reverse += self._reverse_per_h * _SPAN_US
            self._draw(self._ends_us // _HOUR_US % 24)
            self._ends_us += _SPAN_US
        left_us = self._ends_us - now_us
        forward = self._forward + self._forward_per_h * (_SPAN_US - left_us)
        reverse = self._reverse + self._reverse_per_h * (_SPAN_US - left_us)
        return forward // _HOUR_US, reverse // _HOUR_US

    def pressure_kpa(self) -> int | None:
        """Measure once; at times the sensor is at fault."""
        draw = self._chance.getrandbits(10)
        if draw < 4:
            return None
        return 400 - self._forward_per_h // 16 + (draw & 7)

    def _draw(self, hour: int) -> None:
        chance = self._chance
        self._reverse_per_h = chance.randrange(1, 40) if chance.random() < 0.03 else 0
        still = chance.random() < (0.5 if hour in _NIGHT_HOURS else 0.1)
        most = 40 if hour in _NIGHT_HOURS else 900
        self._forward_per_h = 0 if still or self._reverse_per_h else chance.randrange(most)
