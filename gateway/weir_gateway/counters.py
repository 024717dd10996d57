"""Counts what was refused, per source and reason, and logs each source at most once a minute."""

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

SOURCES_MAX = 1000
"""Sources counted one by one. A flood from many addresses ends up under ``others``."""

OTHERS = "others"
_LOG_EVERY_S = 60.0
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Source:
    name: str
    counts: Counter[str] = field(default_factory=Counter)
    unlogged: Counter[str] = field(default_factory=Counter)
    detail: str = ""
    logged_at_s: float | None = None


class RejectCounters:
    """Keeps the counts since the gateway started. Bounded, whatever is thrown at it."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._sources: dict[str, _Source] = {}
        self.totals: Counter[str] = Counter()

    def reject(self, source: str, reason: str, detail: str, count: int = 1) -> None:
        """Count ``count`` refusals. ``detail`` goes to the log: no readings, no keys in it."""
        entry = self._entry(source)
        self.totals[reason] += count
        entry.counts[reason] += count
        entry.unlogged[reason] += count
        entry.detail = detail
        self._log_if_due(entry)

    def log_due(self) -> None:
        """Log what was counted since a source was last logged, where its minute is over."""
        for entry in self._sources.values():
            if entry.unlogged:
                self._log_if_due(entry)

    def by_source(self) -> dict[str, dict[str, int]]:
        return {source: dict(entry.counts) for source, entry in self._sources.items()}

    def _entry(self, source: str) -> _Source:
        if source not in self._sources and len(self._sources) >= SOURCES_MAX:
            source = OTHERS
        return self._sources.setdefault(source, _Source(source))

    def _log_if_due(self, entry: _Source) -> None:
        now_s = self._monotonic_s()
        if entry.logged_at_s is not None and now_s - entry.logged_at_s < _LOG_EVERY_S:
            return
        counts = ", ".join(f"{reason} {count}" for reason, count in entry.unlogged.items())
        _log.warning("refused from %s: %s (last: %s)", entry.name, counts, entry.detail)
        entry.unlogged.clear()
        entry.logged_at_s = now_s
