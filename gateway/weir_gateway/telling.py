"""Decides when an errand is written: at once, and again only when it cannot be under way.

Sans-IO: the time is injected. An errand stands in the database until the meter has done it; what
is kept here only saves the meter from being told the same with every answer of a session.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from math import inf

from weir_gateway.store.errand import Errand

PATIENCE_S = 20.0
"""How long an errand that was told may stay undone before it is told again."""

METERS_MAX = 5000
"""Meters of which it is remembered. One that fell out is told anew at its next uplink."""


class Telling:
    """Remembers what each meter was told. ``monotonic_s``: a clock that never steps."""

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        self._told: OrderedDict[int, dict[Hashable, float]] = OrderedDict()

    def decide(self, meter_id: int, due: Sequence[Errand], *, anew: bool) -> set[Hashable]:
        """Return the names of those errands that are to be written now.

        anew: the meter has forgotten what it was told, or has nothing left to send.
        """
        fresh = {errand.name for errand in due} if anew else self.untold(meter_id, due)
        told = self._told.pop(meter_id, {})
        if not due:
            return set()
        now_s = self._monotonic_s()
        standing = {errand.name: told.get(errand.name) for errand in due}
        self._told[meter_id] = {
            name: now_s if name in fresh or told_at_s is None else told_at_s
            for name, told_at_s in standing.items()
        }
        if len(self._told) > METERS_MAX:
            self._told.popitem(last=False)
        return fresh

    def untold(self, meter_id: int, due: Sequence[Errand]) -> set[Hashable]:
        """Return the names of those errands that no uplink's answer told of lately."""
        told = self._told.get(meter_id, {})
        told_before_s = self._monotonic_s() - PATIENCE_S
        return {one.name for one in due if told.get(one.name, -inf) <= told_before_s}
