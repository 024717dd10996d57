"""What one store interval has shown so far."""

from micropython import const

_PEAK_MAX = const(0xFFFF)  # stands for this many pulses or more
_PRESSURE_LIMIT_KPA = const(32767)  # beyond it, either way, a value does not fit its record

_MASK = const(0xFFFFFFFF)


class Interval:
    """Pressure and peak flow of the store interval under way, and the status bits it has earned.

    pressure_min_kpa, pressure_max_kpa: None while there is no valid sample.
    peak_flow_pulses: most forward pulses in one sample interval.
    """

    def __init__(self, forward_pulses: int) -> None:
        """forward_pulses: the register as the first sample interval begins."""
        self._forward_sampled = forward_pulses
        self.begin()

    def begin(self) -> None:
        """Start the next store interval; the sample interval goes on."""
        self.status = 0
        self.peak_flow_pulses = 0
        self.pressure_min_kpa: int | None = None
        self.pressure_max_kpa: int | None = None
        self._pressure_sum = 0
        self._pressure_count = 0

    def sample(self, forward_pulses: int, pressure_kpa: "int | None", intervals: int = 1) -> None:
        """Take one sample. ``intervals``: sample intervals since the last, more when late.

        Of a late sample the peak can only be bounded from below, by the mean of its intervals.
        """
        pulses = (forward_pulses - self._forward_sampled) & _MASK
        self._forward_sampled = forward_pulses
        peak = min(-(-pulses // intervals), _PEAK_MAX)
        self.peak_flow_pulses = max(self.peak_flow_pulses, peak)
        if (
            pressure_kpa is not None
            and -_PRESSURE_LIMIT_KPA <= pressure_kpa <= _PRESSURE_LIMIT_KPA
        ):
            self._add_pressure(pressure_kpa)

    def flag(self, status: int) -> None:
        """Set status bits for the record of this interval."""
        self.status |= status

    @property
    def pressure_mean_kpa(self) -> "int | None":
        """The mean, rounded to the nearest; never outside minimum and maximum."""
        count = self._pressure_count
        return (2 * self._pressure_sum + count) // (2 * count) if count else None

    def _add_pressure(self, pressure_kpa: int) -> None:
        self._pressure_sum += pressure_kpa
        self._pressure_count += 1
        low, high = self.pressure_min_kpa, self.pressure_max_kpa
        self.pressure_min_kpa = pressure_kpa if low is None else min(low, pressure_kpa)
        self.pressure_max_kpa = pressure_kpa if high is None else max(high, pressure_kpa)
