"""Tells a silent meter from an unchanged one: who was heard within its own send interval."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from weir_gateway.clock import Clock

MISSED_SENDS = 2.5
"""Send intervals without a word after which a meter is silent: two missed, and some slack."""

PATIENCE_S_MIN = 15.0
"""Real seconds that a meter always gets, however fast the calendar runs."""


class Availability(StrEnum):
    UNKNOWN = "unknown"  # not heard since this gateway started, and not overdue yet
    ONLINE = "online"
    SILENT = "silent"


@dataclass(slots=True)
class _Watched:
    availability: Availability
    heard_at_s: float  # of the monotonic clock; the gateway's start until it was heard
    patience_s: float | None  # None until the meter has said how often it sends


class AvailabilityWatch:
    """``on_change`` hears of each meter whose availability became another."""

    def __init__(
        self,
        clock: Clock,
        on_change: Callable[[int], None],
        *,
        patience_s_min: float = PATIENCE_S_MIN,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._on_change = on_change
        self._patience_s_min = patience_s_min
        self._monotonic_s = monotonic_s
        self._meters: dict[int, _Watched] = {}

    def of(self, meter_id: int) -> Availability:
        watched = self._meters.get(meter_id)
        return Availability.UNKNOWN if watched is None else watched.availability

    def counts(self) -> Counter[str]:
        """Return how many meters are in each state."""
        return Counter(watched.availability.value for watched in self._meters.values())

    def expect(self, meter_ids: Iterable[int]) -> None:
        """Watch these meters too, whether or not they were ever heard."""
        for meter_id in meter_ids:
            self._watched(meter_id)

    def learn(self, meter_id: int, send_interval_s: int) -> None:
        """Note how often a meter sends, in seconds of the calendar."""
        patience_s = self._clock.real_seconds(send_interval_s * MISSED_SENDS)
        self._watched(meter_id).patience_s = max(patience_s, self._patience_s_min)

    def hear(self, meter_id: int) -> None:
        watched = self._watched(meter_id)
        watched.heard_at_s = self._monotonic_s()
        self._change(meter_id, watched, Availability.ONLINE)

    def check(self) -> None:
        """Find the meters that are overdue; to be called about every second."""
        now_s = self._monotonic_s()
        for meter_id, watched in self._meters.items():
            patience_s = watched.patience_s
            if patience_s is not None and now_s - watched.heard_at_s > patience_s:
                self._change(meter_id, watched, Availability.SILENT)

    def _watched(self, meter_id: int) -> _Watched:
        watched = self._meters.get(meter_id)
        if watched is None:
            watched = _Watched(Availability.UNKNOWN, self._monotonic_s(), None)
            self._meters[meter_id] = watched
        return watched

    def _change(self, meter_id: int, watched: _Watched, availability: Availability) -> None:
        if watched.availability is not availability:
            watched.availability = availability
            self._on_change(meter_id)
