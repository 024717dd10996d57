"""When a meter sends: its slot in the send interval, the same sum that the meter itself does.

Send times are a grid of the calendar that all meters share, one point in each send interval. Where
in it depends on the meter's id, so that a thousand meters do not call at once.
"""

from dataclasses import dataclass
from typing import Final

AUTOMATIC: Final = -1
"""As ``slot_s``: by the meter's id. As ``spread_s``: seven eighths of the send interval."""

_GOLDEN: Final = 2654435769  # 2**32 over the golden ratio: consecutive meter ids land far apart


@dataclass(frozen=True, slots=True)
class SendPlan:
    """The settings ``send_interval_s``, ``send_slot_s`` and ``send_spread_s`` of one meter.

    A slot that is given is the first place of the meters that have it; they send there exactly
    unless a spread is given too, over which they are then spread by their ids.
    """

    interval_s: int
    slot_s: int = AUTOMATIC
    spread_s: int = AUTOMATIC

    def offset_ms(self, meter_id: int) -> int:
        """Return how long after a multiple of the interval the meter sends."""
        share = meter_id * _GOLDEN & 0xFFFF_FFFF
        return max(self.slot_s, 0) * 1000 + (share * self._spread_ms() >> 32)

    def next_ms(self, meter_id: int, after_ms: int) -> int:
        """Return the meter's next send time after ``after_ms``, both UTC since 1970."""
        interval_ms, offset_ms = self.interval_s * 1000, self.offset_ms(meter_id)
        return ((after_ms - offset_ms) // interval_ms + 1) * interval_ms + offset_ms

    def _spread_ms(self) -> int:
        if self.spread_s != AUTOMATIC:
            return self.spread_s * 1000
        return self.interval_s * 1000 * 7 // 8 if self.slot_s == AUTOMATIC else 0
