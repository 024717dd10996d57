"""One interval record: what a meter stores at the end of every store interval."""

from dataclasses import dataclass
from enum import IntEnum, IntFlag

from weir_protocol.errors import CallerError

REGISTER_MODULUS = 1 << 32
"""Registers and sequences are counted modulo this (WL-REC-02)."""

PRESSURE_KPA_MIN = -32767
PRESSURE_KPA_MAX = 32767
PEAK_FLOW_PULSES_MAX = 0xFFFF


class TimeQuality(IntEnum):
    """Bound of the clock's error when the record was taken (WL-REC-05)."""

    UNSET = 0  # the clock was never set: the time counts seconds since the meter started
    S0_5 = 1
    S2 = 2
    S8 = 3
    S32 = 4
    S128 = 5
    S512 = 6
    WORSE = 7

    @property
    def error_s(self) -> float | None:
        """Largest error of the clock in seconds, or None when no bound is known."""
        if self in (TimeQuality.UNSET, TimeQuality.WORSE):
            return None
        return 0.5 * 4.0 ** (self - 1)


class Status(IntFlag):
    """What was special in an interval. Bits 10 to 15 are reserved and kept (WL-REC-06)."""

    PRESSURE_FAULT = 1 << 0  # no valid pressure sample
    REGISTER_GAP = 1 << 1  # power was lost: pulses after the record before this may be missing
    CLOCK_STEPPED = 1 << 2
    RESTARTED = 1 << 3  # the meter started in this interval
    REVERSE_FLOW = 1 << 4
    TAMPER = 1 << 5
    LEAK = 1 << 6
    BURST = 1 << 7
    BATTERY_LOW = 1 << 8
    SHORT_INTERVAL = 1 << 9  # shorter or longer than the store interval


class EventCode(IntEnum):
    """What an event of a meter tells, and what its value means. Codes are never used twice."""

    RESTARTED = 1  # note; the value is the reset cause of HELLO
    CLOCK_STEPPED = 2  # note; the value is by how many seconds, at the bounds of 32 bits if more
    SETTINGS_APPLIED = 3  # note; the value is the version in force from now on
    SETTINGS_ROLLED_BACK = 4  # note; the value is the version given up, the limit the one in force
    TRIGGERED = 5  # note; a person asked for a reading at the meter
    FLOW_HIGH = 16  # alarms; their values, limits and rules are in weir_protocol.alarms
    FLOW_LOW = 17
    PRESSURE_HIGH = 18
    PRESSURE_LOW = 19
    REVERSE_FLOW = 20
    LEAK = 21
    BURST = 22
    NO_CONSUMPTION = 23
    TAMPER_COVER = 24
    TAMPER_MAGNET = 25
    TAMPER_CABLE = 26
    BATTERY_LOW = 27


class EventPhase(IntEnum):
    """Whether an event happens at once, or begins or ends something that lasts."""

    NOTE = 0
    RAISE = 1
    CLEAR = 2


TIME_QUALITIES = tuple(TimeQuality)
PRESSURE_FAULT_BIT = int(Status.PRESSURE_FAULT)


@dataclass(frozen=True, slots=True)
class IntervalRecord:
    """Registers at the end of one store interval, and what the interval saw.

    sequence: number of the record in its epoch, modulo 2**32.
    taken_at_s: UTC seconds since 1970 at the end of the interval (see ``time_quality``).
    forward_pulses, reverse_pulses: absolute registers, modulo 2**32.
    pressure_*_kpa: gauge pressure; None when no sample was valid (PRESSURE_FAULT is set then)
        or when the meter has no sensor; min and max may be absent beside a mean.
    peak_flow_pulses: largest forward pulse count in one sample interval, 0 to 65535 (saturates).
    status: ``Status`` bits, 0 to 65535.

    Raises CallerError when a value is out of range or the pressures are out of order.
    """

    sequence: int
    taken_at_s: int
    forward_pulses: int
    reverse_pulses: int
    pressure_mean_kpa: int | None
    pressure_min_kpa: int | None
    pressure_max_kpa: int | None
    peak_flow_pulses: int
    status: int
    time_quality: TimeQuality

    def __post_init__(self) -> None:
        if not (
            0 <= self.sequence < REGISTER_MODULUS
            and 0 <= self.taken_at_s < REGISTER_MODULUS
            and 0 <= self.forward_pulses < REGISTER_MODULUS
            and 0 <= self.reverse_pulses < REGISTER_MODULUS
            and 0 <= self.peak_flow_pulses <= PEAK_FLOW_PULSES_MAX
            and 0 <= self.status <= 0xFFFF
        ):
            self._name_what_is_out_of_range()
        self._check_pressures()

    def _check_pressures(self) -> None:
        mean, low, high = self.pressure_mean_kpa, self.pressure_min_kpa, self.pressure_max_kpa
        if mean is not None and self.status & PRESSURE_FAULT_BIT:
            raise CallerError("PRESSURE_FAULT is set but a pressure is given")
        if (low is None) != (high is None) or (mean is None and low is not None):
            raise CallerError("pressures are: none, the mean alone, or mean, min and max")
        if mean is None:
            return
        lowest = mean if low is None else low
        highest = mean if high is None else high
        if not PRESSURE_KPA_MIN <= lowest <= mean <= highest <= PRESSURE_KPA_MAX:
            raise CallerError(
                f"pressures out of order or out of range: min {low}, mean {mean}, max {high} kPa"
            )

    def _name_what_is_out_of_range(self) -> None:
        for name in ("sequence", "taken_at_s", "forward_pulses", "reverse_pulses"):
            _check_range(name, getattr(self, name), 0, REGISTER_MODULUS - 1)
        _check_range("peak_flow_pulses", self.peak_flow_pulses, 0, PEAK_FLOW_PULSES_MAX)
        _check_range("status", self.status, 0, 0xFFFF)


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise CallerError(f"{name} is {value}, outside {low} to {high}")
