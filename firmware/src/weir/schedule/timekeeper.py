"""UTC from a count of milliseconds, and how far it may be off."""

from micropython import const

_DRIFT_PPM = const(50)  # assumed of the meter's oscillator, over its whole temperature range

# What an offer of the time did.
KEPT = const(0)  # the clock was right within the uncertainty of the offer
ADJUSTED = const(1)  # it was off by less than it had claimed to be at most
STEPPED = const(2)  # it was off by more than that
SET = const(3)  # it was not set before

QUALITY_UNSET = const(0)
_QUALITY_WORSE = const(7)
_QUALITY_FIRST_MS = const(500)  # bound of quality 1; each further one is 4 times the one before


class Timekeeper:
    """The calendar: UTC milliseconds once set; before that, milliseconds since the start."""

    def __init__(self) -> None:
        self.is_set = False
        self._offset_ms = 0  # calendar less now_ms
        self._checked_at_ms = 0  # now_ms when the error was last known
        self._error_ms = 0  # bound of the error then

    def start(self, now_ms: int) -> None:
        """Count the calendar from 0 at ``now_ms``, not set."""
        self.is_set = False
        self._offset_ms = -now_ms

    def calendar_ms(self, now_ms: int) -> int:
        return now_ms + self._offset_ms

    def now_ms_at(self, calendar_ms: int) -> int:
        """Return the ``now_ms`` of an instant of the calendar."""
        return calendar_ms - self._offset_ms

    def error_ms(self, now_ms: int) -> int:
        """Return the bound of the error of a clock that is set. It grows with age."""
        age_ms = max(now_ms - self._checked_at_ms, 0)
        return self._error_ms + (age_ms * _DRIFT_PPM + 999_999) // 1_000_000

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

        The clock is left alone as long as it agrees with the offer within the uncertainty.
        """
        round_trip_ms = max(round_trip_ms, 0)
        uncertainty_ms = (round_trip_ms + 1) // 2
        offered_ms = utc_ms + round_trip_ms // 2
        off_ms = abs(offered_ms - self.calendar_ms(now_ms))
        if self.is_set and off_ms <= uncertainty_ms:
            error_ms = min(self.error_ms(now_ms), off_ms + uncertainty_ms)
            return self._keep(error_ms, now_ms, KEPT)
        outcome = SET
        if self.is_set:
            outcome = ADJUSTED if off_ms <= self.error_ms(now_ms) + uncertainty_ms else STEPPED
        self.is_set = True
        self._offset_ms = offered_ms - now_ms
        return self._keep(uncertainty_ms, now_ms, outcome)

    def _keep(self, error_ms: int, now_ms: int, outcome: int) -> int:
        self._error_ms = error_ms
        self._checked_at_ms = now_ms
        return outcome
