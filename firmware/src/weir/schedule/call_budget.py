"""How often something that happens may open a session by itself."""


class CallBudget:
    """So many calls at once, and one more for each interval that has passed.

    Nothing but one instant is kept: when all calls would be allowed again. So a budget that is
    changed holds from the next question on.
    """

    def __init__(self) -> None:
        self._full_at_ms: int | None = None

    def ready_at_ms(self, now_ms: int, calls_max: int, interval_ms: int) -> int:
        """Return when the next call is allowed, ``now_ms`` for at once.

        The instants come from a clock that only goes forward.
        """
        if self._full_at_ms is None:
            return now_ms
        self._full_at_ms = min(self._full_at_ms, now_ms + calls_max * interval_ms)
        return max(self._full_at_ms - (calls_max - 1) * interval_ms, now_ms)

    def spend(self, now_ms: int, calls_max: int, interval_ms: int) -> None:
        """Take note of a call that was allowed, or that had to be all the same."""
        full_at_ms = self._full_at_ms
        if full_at_ms is None or full_at_ms < now_ms:
            full_at_ms = now_ms
        self._full_at_ms = min(full_at_ms + interval_ms, now_ms + calls_max * interval_ms)
