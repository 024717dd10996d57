"""Custody that answers each frame with itself, for tests of links."""

import asyncio
from collections.abc import Callable

from peers.waiting import WAIT_S_MAX
from weir_gateway.counters import RejectCounters
from weir_gateway.links.driver import Driver
from weir_protocol.framing import Deframer, enframe

Answer = asyncio.Future[bytes | None]


class EchoCustody:
    """Answers frames that begin with ``+``, at once or when ``release`` is called."""

    def __init__(self, *, hold: bool = False, answer_size: int = 0) -> None:
        self.sources: set[str] = set()
        self.held: list[Callable[[], None]] = []
        self.counters = RejectCounters()
        self._hold = hold
        self._padding = b"." * answer_size

    def make_driver(self) -> Driver:
        return Driver(self, Deframer(), self.counters)

    def submit(self, frame: bytes, source: str) -> Answer | None:
        self.sources.add(source)
        if not frame.startswith(b"+"):
            return None
        answer: Answer = asyncio.get_running_loop().create_future()

        def release() -> None:
            answer.set_result(enframe(frame + self._padding))

        if self._hold:
            self.held.append(release)
        else:
            release()
        return answer

    def release(self) -> None:
        for release in self.held:
            release()
        self.held.clear()


async def until(
    condition: Callable[[], object], what: str, *, seconds: float = WAIT_S_MAX
) -> None:
    """Wait on the event loop until ``condition`` is true; fail the test when it never is."""
    loop = asyncio.get_running_loop()
    ends_at_s = loop.time() + seconds
    while not condition():
        assert loop.time() < ends_at_s, f"waited {seconds:g} s in vain for {what}"
        await asyncio.sleep(0.01)
