"""How long to wait before the next attempt to get a lost connection back."""

import random


class Backoff:
    """Doubles from ``first_s`` to ``longest_s``, with jitter so that many do not call at once."""

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._next_s = first_s

    def next_s(self) -> float:
        """Return the wait before the next attempt."""
        wait_s = self._next_s
        self._next_s = min(self._next_s * 2, self._longest_s)
        return wait_s * random.uniform(0.75, 1.25)

    def reset(self) -> None:
        """Begin again from the shortest wait, after a success."""
        self._next_s = self._first_s
