"""Puts what the watches find into the database, when it changes something."""

import logging
from collections.abc import Callable, Container, Iterable

from weir_gateway.clock import Clock
from weir_gateway.event_names import GatewayCode
from weir_gateway.store.gateway_events import Finding
from weir_protocol.records import EventPhase

Settle = Callable[[bool], None]
"""Hears whether a finding is durable."""

Note = Callable[[Finding, Settle], None]
"""Begins to store a finding."""

AlarmKey = tuple[int, int]
"""meter_id and code."""

_log = logging.getLogger(__name__)


class AlarmDesk:
    """Knows which alarms of the gateway are active, so that what changes nothing costs nothing."""

    def __init__(
        self,
        note: Note,
        clock: Clock,
        on_noted: Callable[[int], None],
        wanted: Container[GatewayCode] = frozenset(GatewayCode),
        registered: Container[int] | None = None,
    ) -> None:
        """on_noted: hears of each meter of which an alarm was raised or cleared durably.

        wanted: the alarms that are raised at all. registered: the meters that may be
        heard, None for all.
        """
        self._begin_noting = note
        self._clock = clock
        self._on_noted = on_noted
        self._wanted = wanted
        self._registered = registered
        self._active: set[AlarmKey] = set()

    def begin(self, active: Iterable[AlarmKey]) -> None:
        """Take over what the database holds as active; clear what is not wanted any more."""
        self._active = set(active)
        for meter_id, code in sorted(self._active):
            if GatewayCode(code) not in self._wanted:
                self.clear_alarm(meter_id, GatewayCode(code), 0, 0)

    def check(self) -> None:
        """Clear the alarms of meters that are not registered any more: no word of them would."""
        for meter_id, code in sorted(self._active):
            if not self._may_be_heard(meter_id):
                self.clear_alarm(meter_id, GatewayCode(code), 0, 0)

    def is_active(self, meter_id: int, code: GatewayCode) -> bool:
        return (meter_id, code) in self._active

    def raise_alarm(self, meter_id: int, code: GatewayCode, value: int, limit: int) -> None:
        if (meter_id, code) in self._active or code not in self._wanted:
            return
        if self._may_be_heard(meter_id):
            self._active.add((meter_id, code))
            self._note(meter_id, code, EventPhase.RAISE, value, limit)

    def clear_alarm(self, meter_id: int, code: GatewayCode, value: int, limit: int) -> None:
        if (meter_id, code) in self._active:
            self._active.discard((meter_id, code))
            self._note(meter_id, code, EventPhase.CLEAR, value, limit)

    def _may_be_heard(self, meter_id: int) -> bool:
        return self._registered is None or meter_id in self._registered

    def _note(
        self, meter_id: int, code: GatewayCode, phase: EventPhase, value: int, limit: int
    ) -> None:
        finding = Finding(meter_id, code, phase, value, limit, self._clock.now_ms())
        _log.warning(
            "meter %d: %s %s (%d, limit %d)",
            meter_id,
            code.name.lower(),
            "raised" if phase is EventPhase.RAISE else "cleared",
            value,
            limit,
        )
        self._begin_noting(finding, lambda is_durable: self._settle(finding, is_durable))

    def _settle(self, finding: Finding, is_durable: bool) -> None:
        """Tell of what is durable. What is not will be found again."""
        key = (finding.meter_id, finding.code)
        if is_durable:
            self._on_noted(finding.meter_id)
        elif finding.phase is EventPhase.RAISE:
            self._active.discard(key)
        else:
            self._active.add(key)
