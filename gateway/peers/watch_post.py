"""A desk for one watch, on clocks in the test's hands and without a database."""

from peers.bookkeeping import NOW_MS
from weir_gateway.clock import Clock
from weir_gateway.event_names import event_name
from weir_gateway.store.gateway_events import Finding
from weir_gateway.watch.desk import AlarmDesk, Settle


class WatchPost:
    """A calendar and a monotonic clock that ``later`` moves together, and what was found."""

    def __init__(self, speed: float = 1.0) -> None:
        self.machine_s = NOW_MS / 1000
        self.monotonic_s = 500.0
        self.clock = Clock(
            start_s=self.machine_s,
            origin_s=self.machine_s,
            speed=speed,
            machine_s=lambda: self.machine_s,
        )
        self.is_durable = True
        self.noted: list[int] = []
        self.desk = AlarmDesk(self._note, self.clock, self.noted.append)
        self._findings: list[Finding] = []

    def _note(self, finding: Finding, settle: Settle) -> None:
        if self.is_durable:
            self._findings.append(finding)
        settle(self.is_durable)

    @property
    def now_ms(self) -> int:
        return self.clock.now_ms()

    def later(self, seconds: float) -> None:
        self.machine_s += seconds
        self.monotonic_s += seconds

    def found(self) -> list[tuple[int, str, str, int, int]]:
        """Return and forget what was found: meter, alarm, phase, value and limit."""
        found = [
            (one.meter_id, event_name(one.code), one.phase.name, one.value, one.limit)
            for one in self._findings
        ]
        self._findings.clear()
        return found
