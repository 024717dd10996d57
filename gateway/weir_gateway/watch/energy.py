"""Finds meters that spend more charge than their settings plan.

What a day costs is worked out as in docs/settings.md, "Battery": the planned day, but with the
sessions that the gateway has counted in place of the planned ones.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from weir_gateway.clock import Clock
from weir_gateway.endurance import LISTENING_MA, SESSION_MC, charges_mc_a_day
from weir_gateway.event_names import GatewayCode
from weir_gateway.watch.desk import AlarmDesk
from weir_protocol.settings import defaults

PAUSE_S = 60.0
"""Real seconds of silence after which the next uplink begins another session."""

CLEAR_SHARE = 0.8
"""A whole day below this share of the limit clears the alarm."""

_DAY_S = 86_400
_ALWAYS = 1  # link_hold: the link is never let go, so no session costs anything


@dataclass(frozen=True, slots=True)
class DayPlan:
    """What a day costs by the settings in force, in millicoulombs.

    rest_mc: all but sessions and alarms. session_mc: one session. planned_mc: a mean day.
    window_s: how long the meter listens after a session. is_held: the link is never let go.
    """

    rest_mc: float
    session_mc: float
    planned_mc: float
    window_s: int
    is_held: bool

    @classmethod
    def of(cls, values: Mapping[str, int]) -> "DayPlan":
        """Return the plan under these settings; a name left out has its default."""
        whole = {**defaults(), **values}
        planned = charges_mc_a_day(whole)
        window_s = whole["receive_window_s"]
        return cls(
            rest_mc=planned["sleep"] + planned["samples"] + planned["records"],
            session_mc=SESSION_MC + window_s * LISTENING_MA,
            planned_mc=sum(planned.values()),
            window_s=window_s,
            is_held=whole["link_hold"] == _ALWAYS,
        )

    def percent(self, sessions: int) -> int:
        """Return what a day with so many sessions costs, in percent of the planned one."""
        if self.is_held:
            return 100
        return round(100 * (self.rest_mc + sessions * self.session_mc) / self.planned_mc)


@dataclass(slots=True)
class _Use:
    """day: the day of the calendar in which ``sessions`` were counted.

    is_whole: they were counted from its beginning on.
    """

    plan: DayPlan
    day: int
    is_whole: bool = False
    sessions: int = 0
    heard_at_s: float = field(default=float("-inf"))


class EnergyWatch:
    def __init__(
        self,
        desk: AlarmDesk,
        clock: Clock,
        percent_max: int,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """percent_max: of the charge that is planned for a day."""
        self._desk = desk
        self._clock = clock
        self._percent_max = percent_max
        self._monotonic_s = monotonic_s
        self._used: dict[int, _Use] = {}
        self._checked_day = self._day()

    def learn(self, meter_id: int, values: Mapping[str, int]) -> None:
        """Note the settings in force, as far as they are known."""
        plan = DayPlan.of(values)
        used = self._used.get(meter_id)
        if used is None:
            self._used[meter_id] = _Use(plan, self._day())
        else:
            used.plan = plan

    def hear(self, meter_id: int) -> None:
        """Count a session if this uplink begins one."""
        used = self._used.get(meter_id)
        if used is None:
            return
        now_s, before_s = self._monotonic_s(), used.heard_at_s
        used.heard_at_s = now_s
        if now_s - before_s > PAUSE_S + used.plan.window_s:
            self._begin_day(meter_id, used)
            used.sessions += 1
            self._judge(meter_id, used)

    def check(self) -> None:
        """End the day of meters that are not heard; to be called now and then."""
        day = self._day()
        if day == self._checked_day:
            return
        self._checked_day = day
        for meter_id, used in self._used.items():
            self._begin_day(meter_id, used)

    def _begin_day(self, meter_id: int, used: _Use) -> None:
        day = self._day()
        if day == used.day:
            return
        percent = used.plan.percent(used.sessions)
        was_whole = used.is_whole and day == used.day + 1
        if was_whole and percent <= self._percent_max * CLEAR_SHARE:
            self._desk.clear_alarm(meter_id, GatewayCode.ENERGY, percent, self._percent_max)
        used.day, used.sessions, used.is_whole = day, 0, True

    def _judge(self, meter_id: int, used: _Use) -> None:
        percent = used.plan.percent(used.sessions)
        if percent > self._percent_max:
            self._desk.raise_alarm(meter_id, GatewayCode.ENERGY, percent, self._percent_max)

    def _day(self) -> int:
        return int(self._clock.now_s()) // _DAY_S
