"""Finds the meters that have missed their sessions, by the plan of each.

A session counts as missed only if the gateway was there to hear it: when it was off, or its clock
was set meanwhile, nobody knows whether the meter called.
"""

import time
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass

from weir_gateway.clock import Clock
from weir_gateway.event_names import GatewayCode
from weir_gateway.watch.desk import AlarmDesk
from weir_protocol.schedule import SendPlan

Stretch = tuple[int, int]
"""From when to when the gateway was listening, in milliseconds of the calendar."""

GRACE_MS_MIN = 15_000
"""Real milliseconds that a session always gets, however fast the calendar runs."""

_STEP_S = 60.0  # a calendar that moves so much apart from the monotonic clock was set


@dataclass(slots=True)
class _Expected:
    """due_ms: when the meter's next session is due. missed: sessions since it was heard."""

    plan: SendPlan
    due_ms: int
    missed: int = 0


class SilenceWatch:
    """``check`` is to be called about every second."""

    def __init__(
        self,
        desk: AlarmDesk,
        clock: Clock,
        missed_max: int,
        grace_s: int,
        monotonic_s: Callable[[], float] = time.monotonic,
        registered: Container[int] | None = None,
    ) -> None:
        """missed_max: so many sessions missed in a row raise the alarm. grace_s: for each.

        registered: the meters that may be heard, None for all.
        """
        self._desk = desk
        self._clock = clock
        self._missed_max = missed_max
        self._grace_s = grace_s
        self._monotonic_s = monotonic_s
        self._registered = registered
        self._expected: dict[int, _Expected] = {}
        self._checked_ms = clock.now_ms()
        self._checked_monotonic_s = monotonic_s()

    def begin(
        self, meter_id: int, plan: SendPlan, heard_ms: int, stretches: Sequence[Stretch]
    ) -> None:
        """Take up a meter that was heard before this start, and count what it missed since."""
        missed = 0
        for begun_ms, ended_ms in stretches:
            first_ms = max(begun_ms, heard_ms + _early_ms(plan))
            last_ms = ended_ms - self._grace_ms(plan)
            missed += _count(plan, meter_id, first_ms, last_ms)
        due_ms = plan.next_ms(meter_id, self._clock.now_ms())
        self._expected[meter_id] = _Expected(plan, due_ms, missed)

    def learn(self, meter_id: int, plan: SendPlan) -> None:
        """Note by which plan a meter sends from now on."""
        due_ms = plan.next_ms(meter_id, self._clock.now_ms() + _early_ms(plan))
        self._expected[meter_id] = _Expected(plan, due_ms)

    def hear(self, meter_id: int) -> None:
        """Note that a meter was heard; what it was silent about is over."""
        expected = self._expected.get(meter_id)
        if expected is not None:
            plan = expected.plan
            now_ms = self._clock.now_ms()
            if expected.missed or expected.due_ms <= now_ms + _early_ms(plan):
                expected.missed = 0
                expected.due_ms = plan.next_ms(meter_id, now_ms + _early_ms(plan))
        self._desk.clear_alarm(meter_id, GatewayCode.SILENCE, 0, self._missed_max)

    def check(self) -> None:
        """Count the sessions that did not come, and raise the alarm of who missed too many."""
        now_ms = self._clock.now_ms()
        if self._was_set(now_ms):
            for meter_id, expected in self._expected.items():
                expected.due_ms = expected.plan.next_ms(meter_id, now_ms)
            return
        for meter_id, expected in self._expected.items():
            if now_ms > expected.due_ms:
                self._count_missed(meter_id, expected, now_ms)
            if expected.missed >= self._missed_max:
                self._desk.raise_alarm(
                    meter_id, GatewayCode.SILENCE, expected.missed, self._missed_max
                )

    def _count_missed(self, meter_id: int, expected: _Expected, now_ms: int) -> None:
        grace_ms = self._grace_ms(expected.plan)
        while now_ms > expected.due_ms + grace_ms:
            expected.missed += 1
            expected.due_ms = expected.plan.next_ms(meter_id, expected.due_ms)
        if self._registered is not None and meter_id not in self._registered:
            expected.missed = 0  # what it said would have been refused

    def _was_set(self, now_ms: int) -> bool:
        """Return whether the calendar jumped since the last check, or the machine slept."""
        monotonic_s = self._monotonic_s()
        passed_s = self._clock.real_seconds((now_ms - self._checked_ms) / 1000)
        jump_s = passed_s - (monotonic_s - self._checked_monotonic_s)
        self._checked_ms, self._checked_monotonic_s = now_ms, monotonic_s
        return abs(jump_s) > _STEP_S

    def _grace_ms(self, plan: SendPlan) -> int:
        """Return how long after its time a session may still come: half an interval at most."""
        grace_ms = min(self._grace_s * 1000, plan.interval_s * 500)
        return max(grace_ms, int(GRACE_MS_MIN / self._clock.real_seconds(1.0)))


def _early_ms(plan: SendPlan) -> int:
    """Return how long before its time a session counts as the one that is due."""
    return plan.interval_s * 125


def _count(plan: SendPlan, meter_id: int, first_ms: int, last_ms: int) -> int:
    """Return how many of a meter's send times lie after ``first_ms`` up to ``last_ms``."""
    if last_ms <= first_ms:
        return 0
    interval_ms, offset_ms = plan.interval_s * 1000, plan.offset_ms(meter_id)
    return (last_ms - offset_ms) // interval_ms - (first_ms - offset_ms) // interval_ms
