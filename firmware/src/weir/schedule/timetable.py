"""When to sample, store and send, on a grid of the calendar that all meters share."""

from micropython import const

_START_SPREAD_MS = const(10_000)  # meters that start together say HELLO within this, not at once
_RETRY_FIRST_MS = const(60_000)  # after the first call that reached nobody; doubled each time
_RETRY_LONGEST_MS = const(86_400_000)  # unless the caller wants it sooner

AUTOMATIC = -1

_GOLDEN = const(2654435769)  # 2**32 over the golden ratio: consecutive meter ids land far apart


def _after(calendar_ms: int, span_ms: int, offset: int = 0) -> int:
    """Return the next instant of the grid after ``calendar_ms``."""
    return ((calendar_ms - offset) // span_ms + 1) * span_ms + offset


class Timetable:
    """Due times in calendar milliseconds. What is overdue is due once, however late.

    A store time is also a sample time. Each meter sends in a slot of its own.
    """

    def __init__(self, meter_id: int) -> None:
        """To be configured before it is used."""
        self._share = meter_id * _GOLDEN & 0xFFFFFFFF
        self._retry_ms = _RETRY_FIRST_MS
        self._sample_at_ms = self._store_at_ms = self._send_at_ms = 0
        self.sample_interval_ms = self.store_interval_ms = self.send_interval_ms = 0
        self._slot_ms = 0

    def configure(
        self,
        sample_interval_s: int,
        store_interval_s: int,
        send_interval_s: int,
        send_slot_s: int = AUTOMATIC,
        send_spread_s: int = AUTOMATIC,
    ) -> None:
        """Take the intervals, and where in the send interval this meter sends.

        A slot that is given is the first of those that have it; by itself it is not spread.
        Due times stay until ``align``.
        """
        self.sample_interval_ms = sample_interval_s * 1000
        self.store_interval_ms = store_interval_s * 1000
        self.send_interval_ms = send_interval_s * 1000
        spread_ms = send_spread_s * 1000
        if send_spread_s == AUTOMATIC:  # done before the next record
            spread_ms = self.send_interval_ms * 7 // 8 if send_slot_s == AUTOMATIC else 0
        self._slot_ms = max(send_slot_s, 0) * 1000 + self._spread(spread_ms)

    def start(self, calendar_ms: int) -> None:
        """Begin at a start of the meter: the first call comes soon."""
        self.align(calendar_ms)
        soon_ms = self._spread(min(_START_SPREAD_MS, self.send_interval_ms))
        self._send_at_ms = min(self._send_at_ms, calendar_ms + soon_ms)

    def align(self, calendar_ms: int) -> None:
        """Take the next times of the grid, after the calendar was set or stepped."""
        self.stored(calendar_ms)
        self.sampled(calendar_ms)
        self.sent(calendar_ms)

    def sample_due(self, calendar_ms: int) -> bool:
        return calendar_ms >= self._sample_at_ms

    def store_due(self, calendar_ms: int) -> bool:
        return calendar_ms >= self._store_at_ms

    def send_due(self, calendar_ms: int) -> bool:
        return calendar_ms >= self._send_at_ms

    def stored(self, calendar_ms: int) -> None:
        self._store_at_ms = _after(calendar_ms, self.store_interval_ms)

    def sampled(self, calendar_ms: int) -> None:
        """Comes after ``stored`` when both were due."""
        sample_at_ms = _after(calendar_ms, self.sample_interval_ms)
        self._sample_at_ms = min(sample_at_ms, self._store_at_ms)

    def sent(self, calendar_ms: int) -> None:
        self._send_at_ms = _after(calendar_ms, self.send_interval_ms, self._slot_ms)

    def reached(self) -> None:
        """Somebody answered: forget the failures before."""
        self._retry_ms = _RETRY_FIRST_MS

    def retry(self, calendar_ms: int, longest_ms: int = _RETRY_LONGEST_MS) -> None:
        """Call again before the next slot, later after each failure up to ``longest_ms``."""
        retry_ms = min(self._retry_ms, longest_ms)
        wait_ms = retry_ms + self._spread(retry_ms // 4)
        self.call_by(calendar_ms + wait_ms)
        self._retry_ms = min(retry_ms * 2, self.send_interval_ms)

    def call_by(self, calendar_ms: int) -> None:
        """Call at an instant, unless a call is due before."""
        self._send_at_ms = min(self._send_at_ms, calendar_ms)

    def wake_at_ms(self) -> int:
        """Return the next instant at which something is due."""
        return min(self._sample_at_ms, self._send_at_ms)

    def _spread(self, span_ms: int) -> int:
        """Return this meter's place in a span, below its end."""
        return self._share * span_ms >> 32
