"""The gateway's calendar: the machine's clock, or a scaled one for demonstrations and benches."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """Tells calendar time: ``start_s + (machine time - origin_s) * speed``.

    As built without arguments it is the machine's own clock. Processes that share the three
    numbers agree on the calendar.
    """

    start_s: float = 0.0
    origin_s: float = 0.0
    speed: float = 1.0
    machine_s: Callable[[], float] = time.time

    def now_s(self) -> float:
        """Return UTC seconds since 1970 on this calendar."""
        return self.start_s + (self.machine_s() - self.origin_s) * self.speed

    def now_ms(self) -> int:
        return int(self.now_s() * 1000)

    def real_seconds(self, calendar_s: float) -> float:
        """Return how long a span of the calendar takes on the machine."""
        return calendar_s / self.speed


def utc_text(at_s: int) -> str:
    """Return a time as ISO 8601 with Z, to the second."""
    day, second = divmod(at_s, 86400)
    minute, second = divmod(second, 60)
    return f"{_date_text(day)}T{minute // 60:02d}:{minute % 60:02d}:{second:02d}Z"


def utc_text_ms(at_ms: int) -> str:
    """Return a time as ISO 8601 with Z, to the millisecond."""
    return f"{utc_text(at_ms // 1000)[:-1]}.{at_ms % 1000:03d}Z"


@lru_cache(maxsize=64)
def _date_text(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).strftime("%Y-%m-%d")
