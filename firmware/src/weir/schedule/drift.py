"""How fast the meter's oscillator is, learned from the times it was told. Integers only.

A Kalman filter of two states, the error of the clock and the error of its rate. Variances are in
ms2, ppb2 and, of both together, ms ppb. They weigh what is told and never vouch for anything: the
bound of the clock's error is worked out beside them, from round trips (weir.schedule.timekeeper).
"""

from micropython import const

_BILLION = const(1_000_000_000)

# The rate a crystal may be off by within a day and come back: what sessions a day apart never see.
# 0.034 ppm/K2 x 2 x 26 K from its best temperature x 8 K up and down.
_DAILY_SWING_PPB = const(14_000)

_RATE_WALK_PPB2_PER_S = const(2)  # 0.4 ppm in a day, of the rate
_WALK_S_PER_MS2 = const(300)  # 17 ms in a day, of the clock
_TOLD_MS2 = const(100)  # 10 ms, of what is told without any round trip
_SLOW_MS2 = const(90_000)  # half of a round trip of 0.6 s
_STEADIED_S = const(345_600)  # 4 days; a change is forgotten by the share of it that has passed
_RATE_VARIANCE_MIN_PPB2 = const(10_000)


def _root(square: int) -> int:
    """Return the square root, rounded down."""
    if square < 2:
        return square
    root = square
    nearer = (root + 1) // 2
    while nearer < root:
        root = nearer
        nearer = (root + square // root) // 2
    return root


class Drift:
    """rate_ppb: what the oscillator loses; add it to its time."""

    def __init__(self) -> None:
        self.rate_ppb = 0
        self._correction_ppb = self._bound_ppb = 0
        self._is_learning = False
        self._clock_ms2 = self._rate_ppb2 = self._both = 0
        self._unsteady_ppb = 0

    def configure(self, correction_ppb: int, bound_ppb: int, *, learning: bool) -> None:
        """Begin with a rate that is right within a bound. Nothing changes where nothing does."""
        before = self._correction_ppb, self._bound_ppb, self._is_learning
        if before == (correction_ppb, bound_ppb, learning):
            return
        self._correction_ppb = self.rate_ppb = correction_ppb
        self._bound_ppb = bound_ppb
        self._is_learning = learning
        self.doubt()

    @property
    def physical_ppb(self) -> int:
        """Return the bound of the rate's error that holds whatever the temperature."""
        return self._bound_ppb + abs(self.rate_ppb - self._correction_ppb)

    @property
    def residual_ppb(self) -> int:
        """Return the bound of the rate's error after what was learned.

        It is what the sessions cannot see, what they leave open, and by how much the rate has
        changed of late.
        """
        learned_ppb = _DAILY_SWING_PPB + 3 * _root(self._rate_ppb2) + self._unsteady_ppb
        return min(learned_ppb, self.physical_ppb)

    def doubt(self) -> None:
        """Know no more of the rate than at first: the oscillator did what it did not before."""
        self._rate_ppb2 = self._rate_first_ppb2()
        self._both = 0
        self._unsteady_ppb = self._bound_ppb

    def forget_clock(self, uncertainty_ms: int) -> None:
        """The clock was set; the rate is what it was."""
        self._clock_ms2 = _told_ms2(uncertainty_ms, uncertainty_ms * uncertainty_ms)
        self._both = 0

    def follow(self, span_ms: int, off_us: int, uncertainty_ms: int) -> int:
        """Learn from a clock that is off after a span; return by how many us to put it right."""
        self._spread(span_ms)
        clock_ms2, both = self._clock_ms2, self._both
        sum_ms2 = clock_ms2 + _told_ms2(uncertainty_ms, clock_ms2)
        self._clock_ms2 = clock_ms2 - clock_ms2 * clock_ms2 // sum_ms2
        self._both = both - both * clock_ms2 // sum_ms2
        left_ppb2 = self._rate_ppb2 - both * both // sum_ms2
        self._rate_ppb2 = max(left_ppb2, _RATE_VARIANCE_MIN_PPB2)
        self._turn(both * off_us // (sum_ms2 * 1000))
        return clock_ms2 * off_us // sum_ms2

    def gone_off(self, span_ms: int, off_us: int) -> None:
        """Take note that the clock went off by so much at least in a span, if both are above 0."""
        if off_us > 0 and span_ms > 0:
            self._unsteady_ppb = max(self._unsteady_ppb, off_us * 1_000_000 // span_ms)

    def _turn(self, change_ppb: int) -> None:
        low_ppb = self._correction_ppb - self._bound_ppb
        high_ppb = self._correction_ppb + self._bound_ppb
        self.rate_ppb = min(max(self.rate_ppb + change_ppb, low_ppb), high_ppb)
        self._unsteady_ppb = min(self._unsteady_ppb + abs(change_ppb), self._bound_ppb)

    def _spread(self, span_ms: int) -> None:
        """Let both be less certain after a span. What is not learned has nothing in common."""
        span_s = span_ms // 1000
        by_rate_ms = self._rate_ppb2 * span_ms // _BILLION
        self._clock_ms2 += 2 * self._both * span_ms // _BILLION
        self._clock_ms2 += by_rate_ms * span_ms // _BILLION + span_s // _WALK_S_PER_MS2
        if self._is_learning:
            self._both += by_rate_ms
            grown_ppb2 = self._rate_ppb2 + span_s * _RATE_WALK_PPB2_PER_S
            self._rate_ppb2 = min(grown_ppb2, self._rate_first_ppb2())
            self._unsteady_ppb -= self._unsteady_ppb * min(span_s, _STEADIED_S) // _STEADIED_S

    def _rate_first_ppb2(self) -> int:
        return (self._bound_ppb // 2) ** 2


def _told_ms2(uncertainty_ms: int, clock_ms2: int) -> int:
    """Return the variance of what was told.

    Slow round trips tend to be slow the same way, so that many of them are no better than one.
    They weigh the less, the better the clock is without them.
    """
    square = uncertainty_ms * uncertainty_ms
    return square // 4 + square * square // (4 * (_SLOW_MS2 + clock_ms2)) + _TOLD_MS2
