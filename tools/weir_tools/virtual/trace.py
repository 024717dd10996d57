"""Everything that happened in a world, as one hash, and the last of it for a report."""

import hashlib
from collections import Counter, deque
from collections.abc import Callable

from weir_tools.virtual.loop import VirtualTime

_RECENT = 24


class Trace:
    """The same seed gives the same hash, on every machine and in every run.

    events_max: so many would be a flood, in which a world never comes to rest.
    """

    def __init__(
        self, instant: VirtualTime, events_max: int, on_flood: Callable[[], None]
    ) -> None:
        self._instant = instant
        self._digest = hashlib.blake2b(digest_size=16)
        self._recent: dict[int, deque[tuple[int, str, bytes]]] = {}
        self._events_max = events_max
        self._on_flood = on_flood
        self.event_count = 0
        self.counts: Counter[str] = Counter()

    def note(self, what: str, meter_id: int, content: bytes = b"") -> None:
        """Note one event. meter_id: 0 for what concerns no meter."""
        now_us = self._instant.now_us
        self.counts[what] += 1
        self.event_count += 1
        if self.event_count == self._events_max:
            self._on_flood()
        self._digest.update(b"%d %s %d %d " % (now_us, what.encode(), meter_id, len(content)))
        self._digest.update(content)
        recent = self._recent.get(meter_id)
        if recent is None:
            recent = self._recent[meter_id] = deque(maxlen=_RECENT)
        recent.append((now_us, what, content))

    def digest(self) -> str:
        return self._digest.hexdigest()

    def excerpt(self, meter_id: int) -> list[str]:
        """Return the newest events of a meter, one line each."""
        return [
            f"{now_us / 1e6:14.6f} s  {what:16} {content[:24].hex()}"
            for now_us, what, content in self._recent.get(meter_id, ())
        ]
