"""How often something that happens may open a session by itself."""

from micropython import const

_DAY_MS = const(86_400_000)
_DOUBLINGS_MAX = const(17)  # a second doubled so often is more than a day


class CallBudget:
    """So many calls at once, then one after a wait, and ever longer waits, up to a day.

    A day makes good one call. So what goes on for ever, quickly or slowly, costs no more than a
    call a day in the end, and what comes now and then waits for nothing. Nothing but two instants
    is kept: a budget that is changed holds from the next question on.
    """

    def __init__(self) -> None:
        self._called_at_ms: int | None = None
        self._good_at_ms = 0  # when all calls are made good

    def ready_at_ms(self, now_ms: int, calls_max: int, interval_ms: int) -> int:
        """Return when the next call is allowed, ``now_ms`` for at once.

        The instants come from a clock that only goes forward.
        """
        called_at_ms = self._called_at_ms
        if called_at_ms is None:
            return now_ms
        count = (self._good_at_ms - called_at_ms + _DAY_MS - 1) // _DAY_MS  # as of then
        if count < calls_max:
            return now_ms
        wait_ms = min(interval_ms << (count - calls_max), _DAY_MS)
        return max(called_at_ms + wait_ms, now_ms)

    def spend(self, now_ms: int, calls_max: int) -> None:
        """Take note of a call that was allowed."""
        good_at_ms = now_ms
        if self._called_at_ms is not None and self._good_at_ms > now_ms:
            good_at_ms = self._good_at_ms
        most_ms = (calls_max + _DOUBLINGS_MAX) * _DAY_MS
        self._good_at_ms = min(good_at_ms + _DAY_MS, now_ms + most_ms)
        self._called_at_ms = now_ms
