"""All watches together: what they learn at the start, and what each hears of an uplink."""

import asyncio
import logging
import time
from collections.abc import Callable, Container, Mapping

from weir_gateway.clock import Clock
from weir_gateway.config_alarms import AlarmsConfig
from weir_gateway.custody import Taken
from weir_gateway.errors import StoreUnavailable
from weir_gateway.store import gateway_events, listening, plans, queries
from weir_gateway.store.database import Database
from weir_gateway.store.gateway_events import Finding
from weir_gateway.store.plans import MeterPlan
from weir_gateway.watch.clock_error import ClockWatch
from weir_gateway.watch.desk import AlarmDesk, Settle
from weir_gateway.watch.energy import EnergyWatch
from weir_gateway.watch.register import RegisterWatch
from weir_gateway.watch.silence import SilenceWatch
from weir_protocol.frames import FrameType
from weir_protocol.session import Uplink

LISTENING_EVERY_S = 60.0
"""How often it is noted that the gateway is still listening."""

_log = logging.getLogger(__name__)


class Watches:
    """on_noted: hears of each meter of which an alarm was raised or cleared durably.

    registered: the meters of the key file, as it is now.
    """

    def __init__(
        self,
        config: AlarmsConfig,
        store: Database,
        clock: Clock,
        on_noted: Callable[[int], None],
        registered: Container[int],
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._clock = clock
        self._begun_ms = clock.now_ms()
        desk = self._desk = AlarmDesk(self._note, clock, on_noted, config.wanted, registered)
        self._silence = SilenceWatch(
            desk,
            clock,
            config.silence_missed_sessions,
            config.silence_grace_s,
            monotonic_s,
            registered,
        )
        self._register = RegisterWatch(
            desk,
            self._sample_interval_s,
            config.register_tolerance_pulses,
            config.register_clear_records,
        )
        self._clock_error = ClockWatch(
            desk, clock, config.clock_latency_s, config.clock_hysteresis_s
        )
        self._energy = EnergyWatch(desk, clock, config.energy_percent, monotonic_s)
        self._store_interval_s: dict[int, int] = {}

    async def load(self) -> None:
        """Take up what the database knows. To be awaited before anything is heard."""
        self._desk.begin(await self._store.read(gateway_events.active))
        stretches = await self._store.read(listening.stretches)
        for plan in await self._store.read(plans.meter_plans):
            self._learn(plan)
            self._register.begin(plan.meter_id, plan.epoch, plan.values["sample_interval_s"])
            self._silence.begin(plan.meter_id, plan.send_plan, plan.heard_ms, stretches)

    def begin_anew(self) -> None:
        """Take note that a fresh database took the place of a damaged one: no alarm is in it."""
        self._desk.begin(())

    async def run(self) -> None:
        """Note again and again that the gateway is listening, until cancelled."""
        while True:
            try:
                now_ms = self._clock.now_ms()
                await self._store.commit(listening.note, self._begun_ms, now_ms)
            except StoreUnavailable as error:
                _log.debug("that the gateway listens is not noted: %s", error)
            await asyncio.sleep(LISTENING_EVERY_S)

    def check(self) -> None:
        """Look at what time alone changes; to be called about every second."""
        self._silence.check()
        self._energy.check()
        self._desk.check()

    def hear(self, taken: Taken) -> None:
        """Look at an uplink that is durable."""
        uplink = taken.uplink
        meter_id, fields = uplink.meter_id, uplink.fields
        match uplink.frame_type:
            case FrameType.READINGS:
                self._hear_records(uplink)
            case FrameType.HELLO:
                self._learn_anew(meter_id)
                self._register.hear_hello(meter_id, uplink.epoch, fields)
                self._clock_error.hear_live(meter_id, fields["clock_s"], fields["time_quality"])
            case FrameType.SETTINGS_REPORT:
                self._learn_anew(meter_id)
            case FrameType.STATUS:
                self._register.hear_status(meter_id, uplink.epoch, fields)
                self._hear_time(meter_id, fields)
            case FrameType.EVENTS if fields["items"]:
                self._hear_time(meter_id, fields["items"][-1])
        self._silence.hear(meter_id)
        self._energy.hear(meter_id)

    def _note(self, finding: Finding, settle: Settle) -> None:
        noted = self._store.commit(gateway_events.note, finding)
        noted.add_done_callback(
            lambda done: settle(not done.cancelled() and done.exception() is None)
        )

    def _hear_records(self, uplink: Uplink) -> None:
        records = uplink.records
        if records:
            self._register.hear_records(uplink.meter_id, uplink.epoch, records)
            newest = records[-1]
            age_s_max = self._store_interval_s.get(uplink.meter_id, 0)
            self._clock_error.hear_past(
                uplink.meter_id, newest.taken_at_s, newest.time_quality, age_s_max
            )

    def _hear_time(self, meter_id: int, fields: Mapping[str, int]) -> None:
        self._clock_error.hear_past(meter_id, fields["taken_at_s"], fields["time_quality"], 0)

    def _learn_anew(self, meter_id: int) -> None:
        try:
            found = self._store.look_up(plans.meter_plans, meter_id)
        except StoreUnavailable as error:
            _log.debug("the plan of meter %d stays as it was: %s", meter_id, error)
            return
        for plan in found:
            self._learn(plan)
            self._silence.learn(meter_id, plan.send_plan)

    def _learn(self, plan: MeterPlan) -> None:
        self._store_interval_s[plan.meter_id] = plan.values["store_interval_s"]
        self._energy.learn(plan.meter_id, plan.values)

    def _sample_interval_s(self, meter_id: int, epoch: int, sequence: int) -> int | None:
        try:
            return self._store.look_up(queries.sample_interval_s, meter_id, epoch, sequence)
        except StoreUnavailable:
            return None
