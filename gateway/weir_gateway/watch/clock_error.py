"""Finds meters whose clock is off by more than they claim.

A HELLO tells the meter's time as it is sent. A record, an event or a STATUS only shows that the
clock was ahead: it may be old, and have waited for its session.
"""

from weir_gateway.clock import Clock
from weir_gateway.event_names import GatewayCode
from weir_gateway.watch.desk import AlarmDesk
from weir_protocol.records import TIME_QUALITIES

_TICK_S = 1  # times are told in whole seconds


class ClockWatch:
    """Times are in seconds of the calendar; what links delay runs with the machine's clock."""

    def __init__(
        self, desk: AlarmDesk, clock: Clock, latency_s: float, hysteresis_s: float
    ) -> None:
        self._desk = desk
        self._clock = clock
        self._latency_s = latency_s / clock.real_seconds(1.0)
        self._hysteresis_s = hysteresis_s / clock.real_seconds(1.0)

    def hear_live(self, meter_id: int, clock_s: int, time_quality: int) -> None:
        """Judge a time that the meter told as it was: it may have been on its way for a while."""
        claim_s = _claim_s(time_quality)
        if claim_s is None:
            return
        off_s = clock_s - self._clock.now_s()
        limit_s = claim_s + _TICK_S + (self._latency_s if off_s < 0 else 0)
        self._judge(meter_id, off_s, limit_s)

    def hear_past(
        self, meter_id: int, taken_at_s: int, time_quality: int, age_s_max: float
    ) -> None:
        """Judge a time that lies behind. One not older than ``age_s_max`` shows a right clock."""
        claim_s = _claim_s(time_quality)
        if claim_s is None:
            return
        off_s = taken_at_s - self._clock.now_s()
        limit_s = claim_s + _TICK_S
        if off_s > 0 or -off_s <= age_s_max + claim_s + self._latency_s:
            self._judge(meter_id, max(off_s, 0), limit_s)

    def _judge(self, meter_id: int, off_s: float, limit_s: float) -> None:
        value, limit = round(off_s), round(limit_s)
        if abs(off_s) > limit_s + self._hysteresis_s:
            self._desk.raise_alarm(meter_id, GatewayCode.CLOCK, value, limit)
        elif abs(off_s) <= limit_s:
            self._desk.clear_alarm(meter_id, GatewayCode.CLOCK, value, limit)


def _claim_s(time_quality: int) -> float | None:
    """Return the error that a meter admits, None when it claims nothing."""
    return TIME_QUALITIES[time_quality].error_s if time_quality < len(TIME_QUALITIES) else None
