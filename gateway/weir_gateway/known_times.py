"""What is known of a time: whether it is, by whose clock, and how far off it may be.

A time that the gateway worked out is of a meter that had no clock yet. The meter counts seconds
since its start, and its HELLO says how many there are; the gateway notes when that arrived. What
is left open is how long the HELLO was under way, and how well the meter counts.
"""

from typing import Protocol

from weir_protocol.records import TimeQuality

_HELLO_UNDER_WAY_S = 240
"""A meter goes on to its records only after an answer to HELLO, which it says 4 times in a session
and waits for 60 s each time at most (WL-SES-07, answer_timeout_ms)."""

_WHOLE_SECONDS_S = 2  # of what HELLO and the record say, and of the arrival

_DRIFT_PER_S = 5000  # the largest clock_drift_ppm that can be set is one second in so many


class Timed(Protocol):
    """A row with a time. taken_at_s: as the meter said it. measured_at_s: UTC, if known."""

    @property
    def taken_at_s(self) -> int: ...
    @property
    def time_quality(self) -> int: ...
    @property
    def measured_at_s(self) -> int | None: ...
    @property
    def received_at_ms(self) -> int: ...


def time_word(row: Timed) -> str:
    """Return what is known of a time: unset, placed, bounded or unbounded."""
    if row.time_quality == TimeQuality.UNSET:
        return "unset" if row.measured_at_s is None else "placed"
    return "bounded" if _clock_error_s(row.time_quality) is not None else "unbounded"


def time_error_s(row: Timed) -> float | None:
    """Return by how much a time is off at most, None when no bound is known."""
    if row.time_quality != TimeQuality.UNSET:
        return _clock_error_s(row.time_quality)
    return None if row.measured_at_s is None else _placed_error_s(row, row.measured_at_s)


def _clock_error_s(time_quality: int) -> float | None:
    quality = min(time_quality, TimeQuality.WORSE)  # what comes later is no better
    error_s = TimeQuality(quality).error_s
    return int(error_s) if error_s is not None and error_s >= 1 else error_s


def _placed_error_s(row: Timed, measured_at_s: int) -> int:
    """HELLO came between the meter's start and the arrival of what is placed by it."""
    since_s = row.received_at_ms // 1000 - measured_at_s
    counted_s = max(since_s, row.taken_at_s, 0)
    return _HELLO_UNDER_WAY_S + _WHOLE_SECONDS_S + -(-counted_s // _DRIFT_PER_S)
