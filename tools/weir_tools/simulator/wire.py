"""A wire of limited speed: bytes come out as late as a UART would let them."""

import asyncio
from collections.abc import Callable

BITS_A_BYTE = 10  # start, eight, stop
DELIVERY_SIZE = 8  # bytes handed over together; the last of a frame is never late


class Wire:
    """One direction. ``deliver`` gets bytes when their last bit has come.

    byte_count: put on the wire so far. began_s: when its first byte was; ended_s: when the last
    that was delivered was whole; both by the event loop's clock.
    """

    def __init__(self, baud: int, deliver: Callable[[bytes], None]) -> None:
        self._byte_s = BITS_A_BYTE / baud
        self._deliver = deliver
        self._waiting = bytearray()
        self._timer: asyncio.TimerHandle | None = None
        self.byte_count = 0
        self.began_s: float | None = None
        self.ended_s = 0.0

    def send(self, chunk: bytes) -> None:
        """Put bytes on the wire, after those that are still on it."""
        now_s = asyncio.get_running_loop().time()
        if self.began_s is None:
            self.began_s = now_s
        self.byte_count += len(chunk)
        self._waiting += chunk
        if self._timer is None and chunk:
            self._go_on(max(now_s, self.ended_s))

    def clear(self) -> None:
        """Lose what is on the wire, and count anew."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._waiting.clear()
        self.byte_count = 0
        self.began_s = None

    def _go_on(self, free_at_s: float) -> None:
        """Time the next bytes by when the wire is free: a late timer delays nothing else."""
        count = min(DELIVERY_SIZE, len(self._waiting))
        ends_s = free_at_s + count * self._byte_s
        self._timer = asyncio.get_running_loop().call_at(ends_s, self._come_out, count, ends_s)

    def _come_out(self, count: int, ends_s: float) -> None:
        chunk = bytes(self._waiting[:count])
        del self._waiting[:count]
        self._timer = None
        self.ended_s = ends_s
        if self._waiting:
            self._go_on(ends_s)
        self._deliver(chunk)
