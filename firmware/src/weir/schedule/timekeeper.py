"""UTC from a count of milliseconds, and how far it may be off."""

from micropython import const
from weir.schedule.drift import Drift

# What an offer of the time did.
SLEWED = const(0)  # the calendar is at the offer, or gets there without a jump
STEPPED = const(1)  # it was set at once: it was off by more than can be slewed
SET = const(2)  # it was not set before

_QUICK_MS = const(300)  # an uncertainty with which no other answer is asked for
_ANSWERS_MAX = const(5)  # in half a day, until one was quick
_HALF_DAY_MS = const(43_200_000)
_SLEW_MAX_US = const(5_000_000)  # more is stepped; at 1 ms in a second, 5 s take 83 minutes
_BELIEVED = const(2)  # an oscillator off by so many times what is assumed; beyond, it is a jump
_RESOLUTION_MS = const(2)  # both clocks count whole milliseconds

QUALITY_UNSET = const(0)
_QUALITY_WORSE = const(7)
_QUALITY_FIRST_MS = const(500)  # bound of quality 1; each further one is 4 times the one before

_CORRECTION_PPB = const(0)  # until configured
_DRIFT_PPM = const(50)


class Timekeeper:
    """The calendar: UTC milliseconds once set; before that, milliseconds since the start.

    The estimate of UTC is a line through the last offer. The calendar is where the estimate is,
    or on its way there, 1 us in each ms of the oscillator; so it never goes back but in a step.

    wants_another: the answers were slow lately, and another may be quicker.
    """

    def __init__(self) -> None:
        self.is_set = self.wants_another = False
        self._drift = Drift()
        self._base_ms = 0  # now_ms
        self._base_us = 0  # the estimate there
        self._slew_us = 0  # the estimate there less the calendar
        self._rate_ppb = 0
        self._residual_ppb = 0
        self._error_ms = 0  # bound of the error of the estimate there
        self._answers = 0  # in this half day, all of them slow
        self._counted_from_ms: int | None = None  # now_ms
        self.configure(_CORRECTION_PPB, learning=True, clock_drift_ppm=_DRIFT_PPM)

    def configure(self, drift_correction_ppb: int, learning: bool, clock_drift_ppm: int) -> None:
        """Take the settings of the oscillator.

        Where one is another than before, what was learned is forgotten: the bound of the error
        counts with what is assumed at once, the rate is corrected from the next offer on.
        """
        self._drift.configure(drift_correction_ppb, clock_drift_ppm * 1000, learning=learning)
        self._residual_ppb = self._drift.residual_ppb

    def start(self, now_ms: int) -> None:
        """Count the calendar from 0 at ``now_ms``, not set."""
        self.is_set = False
        self._draw_line(now_ms, 0, 0)

    def calendar_ms(self, now_ms: int) -> int:
        return self._calendar_us(now_ms) // 1000

    def now_ms_at(self, calendar_ms: int) -> int:
        """Return the first ``now_ms`` at which the calendar has come to an instant."""
        ahead_us = calendar_ms * 1000 - self._base_us
        slew_us = self._slew_us
        passed_ms = _ceiling(ahead_us * 1_000_000, 1_000_000_000 + self._rate_ppb)
        if passed_ms <= abs(slew_us):
            pace_ppb = self._rate_ppb + 1_000_000 * _sign(slew_us)
            passed_ms = _ceiling((ahead_us + slew_us) * 1_000_000, 1_000_000_000 + pace_ppb)
        return self._base_ms + passed_ms

    def error_ms(self, now_ms: int) -> int:
        """Return the bound of the error of a clock that is set. It grows with age."""
        age_ms = max(now_ms - self._base_ms, 0)
        slewing_ms = _ceiling(max(abs(self._slew_us) - age_ms, 0), 1000)
        return self._error_ms + slewing_ms + _growth_ms(age_ms, self._residual_ppb)

    def quality(self, now_ms: int) -> int:
        """Return the code of the bound: 0 not set, 1 to 6 for 0.5, 2, 8 ... 512 s, 7 worse."""
        if not self.is_set:
            return QUALITY_UNSET
        error_ms = self.error_ms(now_ms)
        code = 1
        bound_ms = _QUALITY_FIRST_MS
        while error_ms > bound_ms and code < _QUALITY_WORSE:
            bound_ms *= 4
            code += 1
        return code

    def offer(self, utc_ms: int, round_trip_ms: int, now_ms: int) -> int:
        """Take the time that a peer told within the last ``round_trip_ms``; return what it did.

        The peer told it anywhere in the round trip, so that it is right in the middle of it, give
        or take half of it. Where the clock's own bound agrees, both are narrowed down together
        and the rate is learned from it. Where it does not, either has jumped: the offer counts.
        """
        round_trip_ms = max(round_trip_ms, 0)
        uncertainty_ms = round_trip_ms // 2 + _RESOLUTION_MS
        offered_us = utc_ms * 1000 + round_trip_ms * 500
        self._judge(uncertainty_ms, now_ms)
        if not self.is_set:
            self.is_set = True
            self._restart(now_ms, offered_us, uncertainty_ms, offered_us)
            return SET
        error_us = self._error_us_beside(now_ms, offered_us, uncertainty_ms)
        if error_us is None:
            return self._restart(now_ms, offered_us, uncertainty_ms, self._calendar_us(now_ms))
        return self._narrow(now_ms, offered_us, uncertainty_ms, error_us)

    def _judge(self, uncertainty_ms: int, now_ms: int) -> None:
        """See whether another answer is worth its energy."""
        began_ms = self._counted_from_ms
        if began_ms is None or now_ms - began_ms >= _HALF_DAY_MS:
            self._counted_from_ms = now_ms
            self._answers = 0
        self._answers = _ANSWERS_MAX if uncertainty_ms <= _QUICK_MS else self._answers + 1
        self.wants_another = self._answers < _ANSWERS_MAX

    def _error_us_beside(self, now_ms: int, offered_us: int, uncertainty_ms: int) -> "int | None":
        """Return the bound of the estimate's error for an offer that agrees with it, else None.

        It is the one that holds however the rate has changed since the last offer.
        """
        age_ms = max(now_ms - self._base_ms, 0)
        off_us = abs(offered_us - self._estimate_us(now_ms)) - uncertainty_ms * 1000
        error_us = (self._error_ms + _growth_ms(age_ms, self._residual_ppb)) * 1000
        physical_ppb = self._drift.physical_ppb
        if off_us <= error_us:
            return (self._error_ms + _growth_ms(age_ms, physical_ppb)) * 1000
        error_us = (self._error_ms + _growth_ms(age_ms, _BELIEVED * physical_ppb)) * 1000
        if off_us > error_us:
            return None
        self._drift.doubt()
        return error_us

    def _restart(self, now_ms: int, offered_us: int, uncertainty_ms: int, calendar_us: int) -> int:
        self._drift.forget_clock(uncertainty_ms)
        return self._approach(now_ms, offered_us, uncertainty_ms, calendar_us)

    def _narrow(self, now_ms: int, offered_us: int, uncertainty_ms: int, error_us: int) -> int:
        estimate_us = self._estimate_us(now_ms)
        calendar_us = self._calendar_us(now_ms)
        low_us = max(estimate_us - error_us, offered_us - uncertainty_ms * 1000)
        high_us = min(estimate_us + error_us, offered_us + uncertainty_ms * 1000)
        span_ms = max(now_ms - self._base_ms, 0)
        off_us = offered_us - estimate_us
        move_us = self._drift.follow(span_ms, off_us, uncertainty_ms)
        certain_ms = uncertainty_ms + self._error_ms + 1  # and what was rounded up
        self._drift.gone_off(span_ms, abs(off_us) - certain_ms * 1000)
        estimate_us = min(max(estimate_us + move_us, low_us), high_us)
        error_ms = _ceiling(max(high_us - estimate_us, estimate_us - low_us), 1000)
        return self._approach(now_ms, estimate_us, error_ms, calendar_us)

    def _approach(self, now_ms: int, estimate_us: int, error_ms: int, calendar_us: int) -> int:
        """Let the calendar go to the estimate, or set it."""
        self._error_ms = error_ms
        self._draw_line(now_ms, estimate_us, estimate_us - calendar_us)
        if abs(self._slew_us) <= _SLEW_MAX_US:
            return SLEWED
        self._slew_us = 0
        return STEPPED

    def _draw_line(self, now_ms: int, estimate_us: int, slew_us: int) -> None:
        self._base_ms = now_ms
        self._base_us = estimate_us
        self._slew_us = slew_us
        self._rate_ppb = self._drift.rate_ppb
        self._residual_ppb = self._drift.residual_ppb

    def _estimate_us(self, now_ms: int) -> int:
        passed_ms = now_ms - self._base_ms
        return self._base_us + passed_ms * (1_000_000_000 + self._rate_ppb) // 1_000_000

    def _calendar_us(self, now_ms: int) -> int:
        slew_us = self._slew_us
        left_us = max(abs(slew_us) - (now_ms - self._base_ms), 0)
        return self._estimate_us(now_ms) - left_us * _sign(slew_us)


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


def _ceiling(number: int, divisor: int) -> int:
    return -(-number // divisor)


def _growth_ms(age_ms: int, rate_ppb: int) -> int:
    return _ceiling(age_ms * rate_ppb, 1_000_000_000)
