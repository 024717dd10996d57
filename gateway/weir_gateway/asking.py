"""Decides when a meter is asked for what is missing (WL-FIL).

Sans-IO: the time is injected, and what was stored is told. To ask is cheap, but a meter that is
asked twice for the same sends it twice; so what was asked for is remembered until it has come.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from weir_gateway.store.sequences import Range, without

PATIENCE_S = 20.0
"""How long nothing of what was asked for may come before it is asked for anew."""

METERS_MAX = 5000
"""Meters whose requests are remembered. One that fell out is asked anew at its next uplink."""

_PIECES_MAX = 96  # of what one meter was asked for; beyond it some is asked for again


@dataclass(slots=True)
class _Asked:
    ranges: list[Range]
    progress_at_s: float


class Asking:
    """Remembers what each meter was asked for. ``monotonic_s``: a clock that never steps."""

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        self._asked: OrderedDict[int, _Asked] = OrderedDict()

    def decide(
        self, meter_id: int, missing: Sequence[Range], came: Sequence[Range], *, anew: bool
    ) -> Sequence[Range]:
        """Return the ranges to ask for in the answer to an uplink, none when it is not the time.

        missing: what may be asked for, in the order of its worth. came: what the uplink brought
        or named as lost. anew: the meter has forgotten what it was asked for, or has nothing left
        to send.
        """
        asked = self._asked.pop(meter_id, None)
        if not missing:
            return ()
        now_s = self._monotonic_s()
        if asked is not None and not anew:
            left = without(asked.ranges, came)
            if left != asked.ranges:
                asked = _Asked(left[:_PIECES_MAX], now_s)
            if left and now_s - asked.progress_at_s < PATIENCE_S:
                self._asked[meter_id] = asked
                return ()
        self._asked[meter_id] = _Asked(list(missing), now_s)
        if len(self._asked) > METERS_MAX:
            self._asked.popitem(last=False)
        return missing
