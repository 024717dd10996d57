"""An event loop whose time is virtual: instead of waiting it jumps to what is due next."""

import asyncio
import math
import selectors

_SPINS_MAX = 100_000


class Stalled(RuntimeError):
    """Nothing is due, or everything at once: either would last for ever."""


class VirtualTime:
    """now_us: microseconds since the world began. Whole, so that a run repeats to the bit."""

    def __init__(self) -> None:
        self.now_us = 0

    def now_s(self) -> float:
        return self.now_us / 1_000_000


class _Jumper(selectors.SelectSelector):
    """Where a loop would wait, time passes at once; nothing comes from outside of the world."""

    def __init__(self, time: VirtualTime) -> None:
        super().__init__()
        self._time = time
        self._spins = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Stalled("nothing is due in the virtual world")
        self._spins = 0 if timeout else self._spins + 1
        if self._spins == _SPINS_MAX:
            raise Stalled("the virtual world spins without its time passing")
        if timeout > 0:
            self._time.now_us += max(1, math.ceil(timeout * 1_000_000 - 0.001))
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs coroutines as any loop does, without sleeping, threads or files."""

    def __init__(self) -> None:
        self.instant = VirtualTime()
        super().__init__(_Jumper(self.instant))

    def time(self) -> float:
        return self.instant.now_s()
